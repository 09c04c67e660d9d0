"""Whose a TLS certificate is: every way in which one may be wrong."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from consortium.errors import ConfigurationError, UnauthenticatedError
from consortium.identity.ca import CertificateAuthority, Issued
from consortium.identity.directory import Caller, Organisation, OrgDirectory

NOW = dt.datetime(2026, 6, 1, tzinfo=dt.UTC)
START = NOW - dt.timedelta(days=30)
END = NOW + dt.timedelta(days=30)

BANK = CertificateAuthority.create("tlsca", "BankAMSP", not_before=START)
INDUSTRY = CertificateAuthority.create("tlsca", "IndustryAMSP", not_before=START)
STRANGER = CertificateAuthority.create("tlsca", "BankAMSP", not_before=START)


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> dt.datetime:
        return self.now


def _directory(clock: Callable[[], dt.datetime] | None = None) -> OrgDirectory:
    return OrgDirectory(
        [
            Organisation("BankAMSP", (BANK.certificate,), frozenset({"gateway", "bank"})),
            Organisation("IndustryAMSP", (INDUSTRY.certificate,), frozenset({"gateway", "erp"})),
        ],
        now=clock or Clock(),
    )


def _issue(ca: CertificateAuthority = BANK, **changes: object) -> Issued:
    options: dict[str, object] = {
        "ou": "gateway",
        "sans": ["localhost"],
        "not_before": START,
        "not_after": END,
        **changes,
    }
    return ca.issue("bank-a", **options)  # type: ignore[arg-type]


def test_the_signing_ca_decides() -> None:
    directory = _directory()
    assert directory.identify(_issue().cert_pem) == Caller("BankAMSP", "bank-a", "gateway")
    assert directory.identify(_issue(INDUSTRY).cert_pem).org == "IndustryAMSP"


@pytest.mark.parametrize(
    ("issued", "reason"),
    [
        (_issue(STRANGER), "CERTIFICATE_UNTRUSTED"),
        (_issue(organisation="IndustryAMSP"), "CERTIFICATE_FOREIGN_ORGANISATION"),
        (_issue(ou="erp"), "CERTIFICATE_ROLE_NOT_ALLOWED"),
        (_issue(ou=()), "CERTIFICATE_ROLE_NOT_ALLOWED"),
        (_issue(ou=("gateway", "bank")), "CERTIFICATE_ROLE_NOT_ALLOWED"),
        (_issue(ou="Gateway"), "CERTIFICATE_ROLE_NOT_ALLOWED"),
        (_issue(usage="signing"), "CERTIFICATE_WRONG_USE"),
        (_issue(not_after=NOW - dt.timedelta(seconds=1)), "CERTIFICATE_EXPIRED"),
        (_issue(not_before=NOW + dt.timedelta(seconds=1)), "CERTIFICATE_NOT_YET_VALID"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_wrong_certificates_are_nobody(issued: Issued, reason: str) -> None:
    with pytest.raises(UnauthenticatedError) as caught:
        _directory().identify(issued.cert_pem)
    assert caught.value.reason == reason


def test_a_ca_certificate_is_no_caller() -> None:
    with pytest.raises(UnauthenticatedError) as caught:
        _directory().identify(BANK.cert_pem)
    assert caught.value.reason == "CERTIFICATE_WRONG_USE"


def test_what_an_unlisted_intermediate_signed_is_nobody() -> None:
    intermediate = BANK.issue_ca("tlsca2")
    with pytest.raises(UnauthenticatedError) as caught:
        _directory().identify(_issue(intermediate).cert_pem)
    assert caught.value.reason == "CERTIFICATE_UNTRUSTED"


def test_text_that_is_no_certificate_is_nobody() -> None:
    with pytest.raises(UnauthenticatedError) as caught:
        _directory().identify(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    assert caught.value.reason == "CERTIFICATE_MALFORMED"


def test_a_remembered_certificate_still_expires() -> None:
    clock = Clock()
    directory = _directory(clock)
    issued = _issue()
    assert directory.identify(issued.cert_pem).org == "BankAMSP"
    clock.now = END + dt.timedelta(seconds=1)
    with pytest.raises(UnauthenticatedError) as caught:
        directory.identify(issued.cert_pem)
    assert caught.value.reason == "CERTIFICATE_EXPIRED"


def test_organisations_that_share_a_ca_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="same TLS CA key"):
        OrgDirectory(
            [
                Organisation("BankAMSP", (BANK.certificate,), frozenset({"gateway"})),
                Organisation("BankBMSP", (BANK.certificate,), frozenset({"gateway"})),
            ]
        )


def test_a_certificate_that_is_no_ca_is_refused_as_one() -> None:
    with pytest.raises(ConfigurationError, match="no CA certificate"):
        OrgDirectory([Organisation("BankAMSP", (_issue().certificate,), frozenset({"gateway"}))])


def test_the_file_is_read_with_paths_from_its_folder(tmp_path: Path) -> None:
    BANK.save(tmp_path / "ca")
    content = OrgDirectory.to_json({"BankAMSP": (["ca/ca.pem"], {"gateway"})})
    (tmp_path / "directory.json").write_bytes(content)
    directory = OrgDirectory.load(tmp_path / "directory.json")
    assert directory.roots("BankAMSP") == BANK.cert_pem == directory.bundle()
    assert directory.organisations["BankAMSP"].roles == {"gateway"}
    with pytest.raises(ConfigurationError, match="BankBMSP"):
        directory.roots("BankBMSP")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "file"),
        ("{}", "organisations"),
        (json.dumps({"organisations": {"A": {"tls_ca": [], "roles": ["erp"]}}}), "A.tls_ca"),
        (json.dumps({"organisations": {"A": {"tls_ca": ["x"], "roles": ["boss"]}}}), "boss"),
        (json.dumps({"organisations": {"A": {"tls_ca": ["x"], "roles": ["erp"]}}}), "not a readable"),
        (json.dumps({"organisations": {"A": {"tls_ca": ["x"], "roles": ["erp"], "why": 1}}}), "A.why"),
    ],
)
def test_wrong_files_say_what_is_wrong(tmp_path: Path, content: str, words: str) -> None:
    path = tmp_path / "directory.json"
    path.write_text(content)
    with pytest.raises(ConfigurationError) as caught:
        OrgDirectory.load(path)
    assert words in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"directory\.json"):
        OrgDirectory.load(tmp_path / "directory.json")
