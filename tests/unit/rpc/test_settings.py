"""Settings: what wins over what, and that all mistakes are told at once without their values."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from consortium.errors import ConfigurationError
from consortium.rpc.settings import ServiceSettings, load_settings, variable
from consortium.rpc.tls import TlsFiles


class Sample(ServiceSettings):
    """A service's settings."""

    listen: str
    tls: TlsFiles | None = None
    workers: int = 2
    password: SecretStr | None = None


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A good file."""
    path = tmp_path / "one.toml"
    path.write_text('listen = "file:1"\nworkers = 3\n[log]\nlevel = "debug"\n')
    return path


def test_files_environment_and_overrides_win_in_that_order(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert load_settings(Sample, file).workers == 3
    second = tmp_path / "two.toml"
    second.write_text(f'workers = 4\n[log]\nfile = "{tmp_path}/log"\n')
    both = load_settings(Sample, file, None, second)
    assert (both.listen, both.workers) == ("file:1", 4)
    assert (both.log.level, both.log.file) == ("debug", tmp_path / "log")
    monkeypatch.setenv("CHANRONG_WORKERS", "5")
    monkeypatch.setenv("CHANRONG_LOG__LEVEL", "error")
    from_environment = load_settings(Sample, file, second)
    assert (from_environment.workers, from_environment.log.level) == (5, "error")
    assert from_environment.log.file == tmp_path / "log"
    assert load_settings(Sample, file, workers=6).workers == 6


def test_variables_of_other_programs_are_left_alone(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHANRONG_SAMPLE_DATA", "/anywhere")
    monkeypatch.setenv("WORKERS", "9")
    assert load_settings(Sample, file).workers == 3


def test_all_mistakes_are_told_at_once_and_no_value_is(tmp_path: Path) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(
        'workers = "hunter2"\nunknown = 1\npassword = 5\n[log]\nlevel = "loud"\n[tls]\nkey = "k"\n'
    )
    with pytest.raises(ConfigurationError) as caught:
        load_settings(Sample, path)
    text = str(caught.value)
    for words in ("listen", "workers", "unknown", "password", "log.level", "tls.certificate", "tls.roots"):
        assert words in text
    assert "CHANRONG_TLS__CERTIFICATE" in text
    assert "hunter2" not in text


@pytest.mark.parametrize("content", [b"listen = ", b"\xff\xfe", b"a = 1\na = 2\n"])
def test_files_that_are_no_toml_and_missing_ones_are_named_together(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError) as caught:
        load_settings(Sample, path, tmp_path / "none.toml")
    assert "bad.toml" in str(caught.value)
    assert "none.toml" in str(caught.value)


def test_an_environment_value_that_is_no_json_is_an_error_too(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHANRONG_TLS", "{not json")
    with pytest.raises(ConfigurationError, match="tls"):
        load_settings(Sample, file)


def test_settings_do_not_change(file: Path) -> None:
    settings = load_settings(Sample, file)
    with pytest.raises(ValidationError):
        settings.workers = 9  # type: ignore[misc]


def test_names_of_variables() -> None:
    assert variable(("tls", "key")) == "CHANRONG_TLS__KEY"
