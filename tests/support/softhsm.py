"""A token of SoftHSM, for keys that are in a module. Needs python-pkcs11 (requirements/pkcs11.txt) and SoftHSM."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
from pathlib import Path

from consortium.identity.ca import CertificateAuthority
from consortium.identity.files import write_file
from consortium.identity.signer import P256Signer

PLACES = (
    os.environ.get("SOFTHSM2_MODULE", ""),
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",
    "/opt/homebrew/lib/softhsm/libsofthsm2.so",
)
UTIL = os.environ.get("SOFTHSM2_UTIL") or shutil.which("softhsm2-util")


def missing() -> str:
    """Why there can be no token here; empty when there can."""
    if importlib.util.find_spec("pkcs11") is None:
        return "python-pkcs11 is not installed: pip install -r requirements/pkcs11.txt"
    if UTIL is None or not any(place and Path(place).is_file() for place in PLACES):
        return "SoftHSM is not on this machine: package softhsm2, or SOFTHSM2_MODULE and SOFTHSM2_UTIL"
    return ""


def library() -> str:
    """SoftHSM's library."""
    return next(place for place in PLACES if place and Path(place).is_file())


def make_token(folder: Path, ca: CertificateAuthority) -> tuple[Path, P256Signer, dict[str, str]]:
    """An MSP folder whose key is in a new token; the key itself; and the environment in which the module finds it,
    which must be set before the module is loaded, once per process."""
    assert UTIL is not None
    module = library()
    tokens = folder / "tokens"
    tokens.mkdir(parents=True)
    write_file(folder / "softhsm2.conf", f"directories.tokendir = {tokens}\n".encode())
    environment = {"SOFTHSM2_CONF": str(folder / "softhsm2.conf")}
    signer = P256Signer.generate()
    key = folder / "key.pem"
    write_file(key, signer.to_pem(), private=True)
    init = ["--init-token", "--free", "--label", "chanrong", "--pin", "1234", "--so-pin", "1234"]
    put = ["--import", str(key), "--token", "chanrong", "--label", "gateway", "--id", "0a", "--pin", "1234"]
    for arguments in (init, put):
        subprocess.run(
            [UTIL, "--module", module, *arguments],
            check=True,
            capture_output=True,
            env=os.environ | environment,
        )
    key.unlink()
    write_msp(folder / "msp", module, ca, signer)
    return folder / "msp", signer, environment


def write_msp(msp: Path, module: str, ca: CertificateAuthority, signer: P256Signer) -> None:
    """An MSP folder for a key that is in the token already."""
    write_file(msp / "signcerts" / "cert.pem", ca.issue("hsm", ou="client", key=signer).cert_pem)
    says = f'module = "{module}"\ntoken = "chanrong"\nkey_id = "0a"\npin_file = "pin"\n'
    write_file(msp / "keystore" / "key.toml", says.encode())
    write_file(msp / "keystore" / "pin", b"1234\n", private=True)
