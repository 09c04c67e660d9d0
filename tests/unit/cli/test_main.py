"""The root of the command line: quick, honest about its commands, never a bare traceback."""

from __future__ import annotations

import subprocess
import sys

import pytest

from chanrong.cli import main
from chanrong.cli.main import COMMANDS, load, root
from consortium.errors import ConfigurationError, NotFoundError

HEAVY = ("grpc", "cryptography", "pydantic", "httpx", "sqlalchemy")


def test_help_loads_nothing_heavy() -> None:
    """A list of commands shall be there at once."""
    code = (
        "import sys; sys.argv = ['chanrong', '--help']\n"
        "from chanrong.cli.main import run\n"
        "try:\n    run()\nexcept SystemExit as end:\n    assert not end.code\n"
        f"print(sorted(set({HEAVY!r}) & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    assert all(name in done.stdout for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_says_what_the_command_says_of_itself(name: str) -> None:
    command = load(name)
    first = command.help.strip().split("\n\n")[0].split(". ")[0].rstrip(".")
    assert COMMANDS[name][1].rstrip(".") == first


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_each_below_it_has_help(name: str) -> None:
    pending = [(name, load(name))]
    while pending:
        path, command = pending.pop()
        assert command.help, path
        pending += [(f"{path} {sub}", each) for sub, each in getattr(command, "commands", {}).items()]


def test_a_mistyped_command_is_wrong_usage_with_a_hint(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        root()(["pus"])
    assert end.value.code == 2
    assert "push" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (NotFoundError("There is no moon.", remedy="Look up."), 1, "Look up."),
        (ConfigurationError("The moon is cheese."), 2, "cheese"),
        (KeyError("moon"), 1, "CHANRONG_DEBUG"),
    ],
)
def test_errors_are_a_message_and_a_code(
    error: Exception,
    code: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def failing() -> None:
        raise error

    monkeypatch.setattr(main, "root", lambda: failing)
    with pytest.raises(SystemExit) as end:
        main.run()
    told = capsys.readouterr().err
    assert end.value.code == code
    assert said in told
    assert "Traceback" not in told


def test_groups_with_one_command_keep_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        root()(["industry", "serve", "--help"])
    assert end.value.code == 0
    assert "--config" in capsys.readouterr().out
