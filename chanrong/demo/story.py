"""The demo's story: four acts on one sandbox, every line from a call that happened.

Acts are in files of their own; what they hand on to each other is :class:`Scene`.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import re
import traceback
from pathlib import Path

import orjson
from rich.console import Console

from chanrong.cli.sandbox import bring_up
from chanrong.demo import act1, act2, act3, act4
from chanrong.demo.institutions import desk_figures
from chanrong.demo.scene import Scene
from chanrong.demo.stage import Stage
from chanrong.demo.world import World, make_world
from chanrong.fabric import programs
from chanrong.sandbox import lifecycle
from chanrong.sandbox.layout import Layout
from chanrong.sandbox.overrides import Overrides
from chanrong.sandbox.profile import Profile, load_profile
from consortium.errors import ChanrongError

DEMO_DIRECTORY = ".chanrong-demo"
RECORD_WIDTH = 80
INDUSTRIES = 2
BANKS = 2
MONITOR_PERIOD_S = 2


def tell(directory: Path | None, ledger: str, trades: int, *, keep: bool, record: Path | None = None) -> bool:
    """Tells the whole story. Returns whether everything went as it should."""
    layout = Layout.at(directory or DEMO_DIRECTORY)
    lifecycle.down(layout, purge=True)
    console = Console(
        highlight=False, emoji=False, record=record is not None, width=RECORD_WIDTH if record else None
    )
    stage = Stage(console)
    console.print("[bold]Chanrong 产融[/bold]  a supplier's documents become credit that a bank can check")
    try:
        world = make_world(trades, dt.datetime.now(dt.UTC).date())
        profile = bring_up(layout, ledger, INDUSTRIES, BANKS, _banks(layout, world), transient=True)
        stage.expect(
            True,
            f"{len(profile.services)} processes are up, mutual TLS between all of them",
            f"{INDUSTRIES} industry gateways, {BANKS} banks, {len(profile.of_kind('adapter'))} institutions",
            _ledger_line(profile),
        )
        scene = Scene(layout, profile, world, stage)
        asyncio.run(_acts(scene))
    except ChanrongError as error:
        stage.expect(False, f"{error.message} ({error.reason})", error.remedy)
    except Exception as defect:  # noqa: BLE001 - the story ends, the sandbox has to as well
        stage.expect(
            False, f"{type(defect).__name__}: {defect}", *traceback.format_tb(defect.__traceback__)[-1:]
        )
    finally:
        if not keep and layout.root.exists():
            ended = lifecycle.down(layout, purge=not stage.failures)
            left = "the logs stay in" if stage.failures else "nothing is left of"
            stage.tell(f"{ended} processes ended, {left} {layout.root.name}")
    if keep:
        stage.tell(f"still running: chanrong status --dir {layout.root.name}")
    held = stage.end()
    if record is not None:
        picture = console.export_svg(title="make demo")
        # Whoever opens the picture has a font of fixed width; it need not be fetched from anywhere.
        record.write_text(re.sub(r"@font-face \{.*?\}", "", picture, flags=re.DOTALL), "utf-8")
    return held


def _banks(layout: Layout, world: World) -> Overrides:
    """What the banks are set up with: their own figures, and to look at institutions often."""
    figures = layout.root / "demo" / "desk.json"
    figures.parent.mkdir(parents=True)
    figures.write_bytes(orjson.dumps(desk_figures(world), option=orjson.OPT_INDENT_2))
    return Overrides(
        {"finance": {"desk_file": str(figures.absolute()), "monitor_period_s": MONITOR_PERIOD_S}}
    )


def _ledger_line(profile: Profile) -> str:
    if profile.ledger == "embedded":
        return "the embedded ledger: one process that speaks Fabric's own protocol"
    peers, servers = (len(profile.of_kind(kind)) for kind in ("peer", "chaincode"))
    version = programs.find().version_text
    return f"Hyperledger Fabric {version}: an orderer, {peers} peers, {servers} chaincode servers"


async def _acts(scene: Scene) -> None:
    await act1.play(scene)
    scene.profile = load_profile(scene.layout)
    await act2.play(scene)
    scene.profile = load_profile(scene.layout)
    await act3.play(scene)
    scene.profile = load_profile(scene.layout)
    await act4.play(scene)
