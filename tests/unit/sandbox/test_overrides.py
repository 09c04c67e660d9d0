"""A user's own settings go to the services that have them, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

from chanrong.sandbox.layout import Layout
from chanrong.sandbox.overrides import Overrides
from chanrong.sandbox.profile import Profile
from chanrong.sandbox.provision import provision, write_settings
from chanrong.sandbox.topology import plan
from consortium.errors import ConfigurationError

GOOD = """
reconcile_period_s = 60
[profile_overrides.receivable-v1.waterfall]
advance_rate = "0.5"
[outbox]
linger_ms = 7
[finance]
adapter_timeout_s = 2.0
[bank-b]
adapter_timeout_s = 9.0
"""


@pytest.fixture
def profile() -> Profile:
    return plan("embedded", 1, 2)


def _read(tmp_path: Path, text: str) -> Overrides:
    file = tmp_path / "own.toml"
    file.write_text(text)
    found = Overrides.read(file)
    assert found is not None
    return found


def test_each_service_gets_its_own(tmp_path: Path, profile: Profile) -> None:
    own = _read(tmp_path, GOOD)
    own.check(profile.services.values())
    assert own.of(profile.services["industry-a"]) == {"reconcile_period_s": 60, "outbox": {"linger_ms": 7}}
    bank = own.of(profile.services["bank-a"])
    assert set(bank) == {"reconcile_period_s", "profile_overrides", "adapter_timeout_s"}
    assert bank["adapter_timeout_s"] == 2.0
    assert own.of(profile.services["bank-b"])["adapter_timeout_s"] == 9.0
    assert own.of(profile.services["tax"]) == {}


def test_settings_that_nobody_has_are_all_named(tmp_path: Path, profile: Profile) -> None:
    own = _read(tmp_path, "nonsense = 1\n[bank-a]\noutbox = 1\n[bank-q]\nx = 1\n")
    with pytest.raises(ConfigurationError, match=r"nonsense, bank-a\.outbox, bank-q"):
        own.check(profile.services.values())


def test_a_table_that_is_a_value_is_told(tmp_path: Path, profile: Profile) -> None:
    with pytest.raises(ConfigurationError, match="bank-a"):
        _read(tmp_path, "bank-a = 3\n").check(profile.services.values())


@pytest.mark.parametrize("text", ["a = ", b"\xff\xfe".decode("latin-1")])
def test_what_is_not_toml_is_told(tmp_path: Path, text: str) -> None:
    file = tmp_path / "own.toml"
    file.write_text(text, "latin-1")
    with pytest.raises(ConfigurationError, match=r"own\.toml"):
        Overrides.read(file)


def test_no_file_is_no_overrides_and_a_missing_one_an_error(tmp_path: Path) -> None:
    assert Overrides.read(None) is None
    with pytest.raises(ConfigurationError, match=r"nope\.toml"):
        Overrides.read(tmp_path / "nope.toml")


def test_settings_files_change_only_where_something_changed(tmp_path: Path, profile: Profile) -> None:
    layout = Layout(tmp_path / "sandbox")
    provision(layout, profile)
    assert write_settings(layout, profile, Overrides()) == set(profile.services)
    assert write_settings(layout, profile, Overrides()) == set()
    own = _read(tmp_path, "[bank-a]\nadapter_timeout_s = 3.0\n")
    assert write_settings(layout, profile, own) == {"bank-a"}
    assert "adapter_timeout_s = 3.0" in layout.config("bank-a").read_text()


def test_a_wrong_value_is_told_before_any_file_is_written(tmp_path: Path, profile: Profile) -> None:
    layout = Layout(tmp_path / "sandbox")
    provision(layout, profile)
    with pytest.raises(ConfigurationError, match=r"bank-a: .*\n.*adapter_timeout_s"):
        write_settings(layout, profile, _read(tmp_path, "adapter_timeout_s = 'soon'\n"))
    assert not layout.config("industry-a").exists()


def test_secrets_are_their_owners(tmp_path: Path, profile: Profile) -> None:
    layout = Layout(tmp_path / "sandbox")
    provision(layout, profile)
    write_settings(layout, profile, Overrides())
    public = {"cert.pem", "ca.pem", "tlsca.pem", "bundle.pem", "config.yaml", "directory.json", "trust.json"}
    open_files = {
        path.name
        for path in layout.root.rglob("*")
        if path.is_file() and path.stat().st_mode & 0o077 and path.name not in public | {"package-jwks.json"}
    }
    assert open_files == set()
    assert layout.root.stat().st_mode & 0o077 == 0
