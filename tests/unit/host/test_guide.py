"""The guide's code runs, its settings are the settings, and its commands are there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from chaincode.hosts.peer import ChaincodeSettings
from chaincode.hosts.peer.settings import STANDARD_VARIABLES
from chaincode.testing import MemoryLedger, caller_of
from chanrong.cli.main import load

GUIDE = (Path(__file__).parents[3] / "docs" / "chaincode.md").read_text("utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)


async def test_the_contract_and_its_test_are_as_shown() -> None:
    contract, test = BLOCKS
    names: dict[str, Any] = {"MemoryLedger": MemoryLedger, "caller_of": caller_of}
    exec(contract, names)
    indented = "".join(f"    {line}\n" for line in test.splitlines())
    exec(f"async def check():\n{indented}    return done\n", names)
    done = await names["check"]()
    assert done.response.status == 200


def test_settings_and_their_defaults() -> None:
    table = GUIDE.partition("| `--config` file |")[2].partition("\n\n")[0]
    named: dict[str, str] = {}
    for row in table.splitlines()[2:]:
        _, names, defaults, *_ = (cell.strip() for cell in row.split("|"))
        found = re.findall(r"`(\w+)`", names)
        values = defaults.split(", ") if len(found) > 1 and ", " in defaults else [defaults] * len(found)
        named.update(zip(found, values, strict=True))
    fields = ChaincodeSettings.model_fields
    assert set(named) == (set(fields) - {"log", "ready_file", "parent_pid"})
    for name, value in named.items():
        if re.fullmatch(r"\d+", value):
            assert fields[name].default == int(value), name
        elif value in ("true", "false"):
            assert str(fields[name].default).lower() == value, name


def test_standard_variables_are_named() -> None:
    assert all(f"`{name}`" in GUIDE for name in STANDARD_VARIABLES)


def test_commands_and_options_are_there() -> None:
    groups = {name: load(name) for name in ("chaincode", "ledger")}
    found = re.findall(r"chanrong (chaincode|ledger) (\w+)((?: [^`#\n\\]+|\\\n *)*)", GUIDE)
    assert {(group, command) for group, command, _ in found} == {
        ("chaincode", "package"),
        ("chaincode", "serve"),
        ("ledger", "serve"),
    }
    for group, command, options in found:
        known = {flag for parameter in groups[group].commands[command].params for flag in parameter.opts}
        assert set(re.findall(r"--[a-z-]+", options)) <= known
