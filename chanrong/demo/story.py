"""The demo's story: three acts on one sandbox, every line from a call that happened.

Acts are in files of their own; what they hand on to each other is :class:`Scene`.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import re
from pathlib import Path

from rich.console import Console

from chanrong.cli.sandbox import bring_up
from chanrong.demo import act1, act2, act3
from chanrong.demo.scene import Scene
from chanrong.demo.stage import Stage
from chanrong.demo.world import make_world
from chanrong.sandbox import lifecycle
from chanrong.sandbox.layout import Layout
from chanrong.sandbox.profile import load_profile
from consortium.errors import ChanrongError

DEMO_DIRECTORY = ".chanrong-demo"
RECORD_WIDTH = 120
INDUSTRIES = 2
BANKS = 2


def tell(directory: Path | None, ledger: str, trades: int, *, keep: bool, record: Path | None = None) -> bool:
    """Tells the whole story. Returns whether everything went as it should."""
    layout = Layout.at(directory or DEMO_DIRECTORY)
    lifecycle.down(layout, purge=True)
    console = Console(highlight=False, record=record is not None, width=RECORD_WIDTH if record else None)
    stage = Stage(console)
    console.print(
        "[bold]Chanrong[/bold] 产融: from a supplier's documents to a credit package that a bank checks by itself"
    )
    try:
        profile = bring_up(layout, ledger, INDUSTRIES, BANKS, {})
        stage.expect(
            True,
            f"{len(profile.services)} processes are up, mutual TLS between all of them ({ledger} ledger)",
        )
        world = make_world(trades, dt.datetime.now(dt.UTC).date())
        scene = Scene(layout, profile, world, stage)
        asyncio.run(_acts(scene))
    except ChanrongError as error:
        stage.expect(False, f"{error} ({error.reason})")
    finally:
        if not keep:
            ended = lifecycle.down(layout, purge=not stage.failures)
            stage.tell(f"{ended} processes ended")
    if keep:
        stage.tell(f"still running: chanrong status --dir {layout.root}")
    elif stage.failures:
        stage.tell(f"logs: {layout.root / 'logs'}")
    held = stage.end()
    if record is not None:
        picture = console.export_svg(title="make demo")
        # Whoever opens the picture has a font of fixed width; it need not be fetched from anywhere.
        record.write_text(re.sub(r"@font-face \{.*?\}", "", picture, flags=re.DOTALL), "utf-8")
    return held


async def _acts(scene: Scene) -> None:
    await act1.play(scene)
    scene.profile = load_profile(scene.layout)
    await act2.play(scene)
    scene.profile = load_profile(scene.layout)
    await act3.play(scene)
