"""The demo's stage: fits 80 columns, keeps the score, and a story that breaks off ends in failure."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from chanrong.demo import act1, story
from chanrong.demo.stage import Stage
from chanrong.sandbox import lifecycle
from chanrong.sandbox.layout import Layout
from chanrong.sandbox.profile import Profile
from consortium.errors import UnavailableError


def _stage() -> tuple[Stage, io.StringIO]:
    written = io.StringIO()
    return Stage(Console(file=written, width=80, highlight=False)), written


def test_all_lines_fit_and_identifiers_are_short() -> None:
    stage, written = _stage()
    stage.act(1, "One bank")
    stage.expect(True, "it happened " * 12, "because " * 30, "asset " + "ab" * 32)
    stage.refused(True, "[red]no[/red]")
    assert stage.end()
    told = written.getvalue()
    assert all(len(line) <= 80 for line in told.splitlines())
    assert "ab" * 6 + "…" in told
    assert "ab" * 7 not in told
    assert "[red]no[/red]" in told
    assert "all 2 things" in told


@pytest.mark.parametrize("judge", ["expect", "refused"])
def test_what_goes_otherwise_is_marked_counted_and_repeated_at_the_end(judge: str) -> None:
    stage, written = _stage()
    getattr(stage, judge)(False, "the sky fell")
    stage.expect(True, "the ground held")
    assert not stage.end()
    told = written.getvalue()
    assert told.count("the sky fell") == 2
    assert "1 of 2 things went otherwise" in told


@pytest.mark.parametrize("error", [UnavailableError("bank-b does not answer."), KeyError("claims")])
def test_a_story_that_breaks_off_fails_and_ends_the_sandbox(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ended: list[bool] = []

    def down(layout: Any, *, purge: bool) -> int:
        ended.append(purge)
        return 0

    async def broken(scene: Any) -> None:
        raise error

    def bring_up(layout: Layout, *_: Any, **__: Any) -> Profile:
        layout.root.mkdir()
        return Profile()

    monkeypatch.setattr(lifecycle, "down", down)
    monkeypatch.setattr(story, "bring_up", bring_up)
    monkeypatch.setattr(act1, "play", broken)
    assert not story.tell(tmp_path / "sandbox", "embedded", 20, keep=False)
    assert ended == [True, False], "purged before, kept for its logs afterwards"
    assert "went otherwise" in capsys.readouterr().out
