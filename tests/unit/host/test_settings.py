"""Settings of a chaincode server, and the contract that they name."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaincode.contracts import ChanrongContract
from chaincode.hosts.peer import ChaincodeSettings, load_contract
from chaincode.hosts.peer.settings import STANDARD_VARIABLES
from consortium.errors import ConfigurationError
from consortium.rpc.settings import load_settings
from examples.stock.contract import StockContract

INSTANCE = StockContract()
NOT_ONE = object()


class NeedsMore:
    """Cannot be made without arguments."""

    def __init__(self, more: str) -> None:
        self.more = more


@pytest.fixture(autouse=True)
def _nothing_given(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in STANDARD_VARIABLES:
        monkeypatch.delenv(name, raising=False)


def test_only_the_package_id_is_needed() -> None:
    settings = load_settings(ChaincodeSettings, package_id="kv:1")
    assert settings.contract == "chaincode.contracts:ChanrongContract"
    assert (settings.max_clock_skew_s, settings.tls_cert) == (300, None)
    with pytest.raises(ConfigurationError, match="package_id"):
        load_settings(ChaincodeSettings)


def test_standard_variables_stand_between_files_and_our_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "chaincode.toml"
    file.write_text('package_id = "file:1"\nlisten = "127.0.0.1:1"\nmax_streams = 3\n')
    assert load_settings(ChaincodeSettings, file).listen == "127.0.0.1:1"
    monkeypatch.setenv("CHAINCODE_SERVER_ADDRESS", "127.0.0.1:2")
    monkeypatch.setenv("CHAINCODE_ID", "standard:1")
    settings = load_settings(ChaincodeSettings, file)
    assert (settings.listen, settings.package_id, settings.max_streams) == ("127.0.0.1:2", "standard:1", 3)
    monkeypatch.setenv("CHANRONG_LISTEN", "127.0.0.1:3")
    assert load_settings(ChaincodeSettings, file).listen == "127.0.0.1:3"
    assert load_settings(ChaincodeSettings, file, listen="127.0.0.1:4").listen == "127.0.0.1:4"


def test_all_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_settings(
            ChaincodeSettings,
            package_id="kv:1",
            listen="0.0.0.0:x",
            contract="nothing",
            tls_cert=Path("cert.pem"),
        )
    for text in ("listen: host:port", "contract: module:attribute", "tls_cert and tls_key: give both"):
        assert text in str(caught.value)


@pytest.mark.parametrize("listen", ["0.0.0.0:9999", "[::]:9999", "peer.example.com:9999"])
def test_plain_text_leaves_the_machine_only_when_told(listen: str) -> None:
    with pytest.raises(ConfigurationError, match="plain_text = true"):
        load_settings(ChaincodeSettings, package_id="kv:1", listen=listen)
    assert (
        load_settings(ChaincodeSettings, package_id="kv:1", listen=listen, plain_text=True).listen == listen
    )


def test_client_roots_need_tls() -> None:
    with pytest.raises(ConfigurationError, match="client_roots"):
        load_settings(ChaincodeSettings, package_id="kv:1", client_roots=Path("roots.pem"))


def test_contracts_are_found_by_name() -> None:
    assert isinstance(load_contract("chaincode.contracts:ChanrongContract"), ChanrongContract)
    assert load_contract(f"{__name__}:INSTANCE") is INSTANCE


@pytest.mark.parametrize(
    ("target", "text"),
    [
        ("chaincode.nowhere:Contract", "ModuleNotFoundError"),
        ("chaincode.contracts:Nothing", "AttributeError"),
        (f"{__name__}:NeedsMore", "TypeError"),
        (f"{__name__}:NOT_ONE", "no method invoke"),
    ],
)
def test_what_is_no_contract_is_told(target: str, text: str) -> None:
    with pytest.raises(ConfigurationError, match=text):
        load_contract(target)


def test_modules_are_looked_for_in_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own_contract_here.py").write_text(
        "class Own:\n    async def invoke(self, context):\n        return None\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", ["/nowhere"])
    assert type(load_contract("own_contract_here:Own")).__name__ == "Own"
