"""The report for people."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table

from tests.evaluation.run import Report
from tests.evaluation.summary import summary
from tests.evaluation.tally import Kind, Rate


def percent(rate: Rate) -> str:
    """A rate with its interval."""
    low, high = rate.interval
    return f"{rate.value * 100:.2f} % ({low * 100:.2f} to {high * 100:.2f})"


def show(report: Report, console: Console) -> None:
    """Prints everything."""
    _frauds(report, console)
    _honest(report, console)
    _outages(report, console)
    _sets(report, console)
    _missed(report, console)
    _summary(summary(report), report, console)


def _frauds(report: Report, console: Console) -> None:
    for title, visible in (
        ("Frauds that papers and institutions can show before funding", "before funding"),
        ("Frauds that can only be seen in life", "in life"),
        ("Frauds that documents cannot show", "never"),
    ):
        kinds = [kind for kind in report.kinds if kind.fraud.visible == visible]
        if not kinds:
            continue
        table = Table(title=title, title_justify="left")
        for name in (
            "kind",
            "what is done",
            "needs",
            "stopped",
            "referred",
            "contained",
            "in life",
            "missed",
            "seen by",
        ):
            table.add_column(name, justify="right" if name in _COUNTS else "left", overflow="fold")
        for kind in kinds:
            table.add_row(
                kind.fraud.name,
                kind.fraud.title,
                ", ".join(kind.fraud.needs),
                *_counts(kind),
                ", ".join(kind.by(2)),
            )
        console.print(table)


_COUNTS = {"stopped", "referred", "contained", "in life", "missed"}


def _counts(kind: Kind) -> list[str]:
    return [str(kind.counted(name) or "") for name in ("stopped", "referred", "contained", "later", "missed")]


def _honest(report: Report, console: Console) -> None:
    honest = report.honest
    table = Table(
        title=f"Honest receivables: {honest.receivables:,} in {honest.requests:,} applications",
        title_justify="left",
    )
    table.add_column("what")
    table.add_column("rate (95 % interval)", justify="right")
    table.add_column("by value", justify="right")
    whole = honest.value or 1
    table.add_row("excluded", percent(honest.fail_rate), f"{honest.value_failed / whole:.3%}")
    table.add_row(
        "… beside these, for a real obstacle", percent(Rate(honest.obstacles, honest.receivables)), ""
    )
    table.add_row("referred", percent(honest.refer_rate), f"{honest.value_referred / whole:.3%}")
    table.add_row("… of these for a real doubt", percent(Rate(honest.doubtful, honest.receivables)), "")
    table.add_row("application stopped", percent(Rate(honest.requests_stopped, honest.requests)), "")
    table.add_row("application referred", percent(Rate(honest.requests_referred, honest.requests)), "")
    table.add_row("eligible for more than is owed", str(honest.too_much), "")
    table.add_row("alarm in life", percent(Rate(honest.life_alarms, honest.life)), "")
    console.print(table)
    reasons = Table(title="Why", title_justify="left")
    for name in ("finding", "times", "for example"):
        reasons.add_column(name, overflow="fold")
    for code, times in honest.reasons.most_common(25):
        reasons.add_row(code, str(times), honest.examples.get(code, ""))
    console.print(reasons)


def _outages(report: Report, console: Console) -> None:
    table = Table(title="One institution silent", title_justify="left")
    for name in ("silent", "abstained, of what was eligible", "turned into a pass", "amount rose"):
        table.add_column(name, justify="left" if name == "silent" else "right")
    for source, outage in report.outages.items():
        rate = Rate(outage.abstained, outage.eligible)
        table.add_row(source, f"{rate.value:.1%} of {rate.of}", str(outage.passed), str(outage.more))
    console.print(table)
    for source, outage in report.outages.items():
        for example in outage.examples[:3]:
            console.print(f"  {source}: {example}")


def _sets(report: Report, console: Console) -> None:
    if not report.sets:
        console.print("The labelled sets of procurement are not at hand (CHANRONG_SAMPLE_DATA).")
        return
    table = Table(title="Labelled sets of others: rules that match", title_justify="left")
    for name in (
        "set",
        "recall",
        "precision",
        "clean invoices stopped",
        "by label: failed + not known of all",
    ):
        table.add_column(name, overflow="fold")
    for each in report.sets:
        labels = ", ".join(
            f"{label} {score.failed}+{score.unknown} of {score.invoices}"
            for label, score in each.scores.items()
        )
        table.add_row(
            each.name, percent(each.recall), percent(each.precision), percent(each.false_alarms), labels
        )
    console.print(table)


def _missed(report: Report, console: Console) -> None:
    for kind in report.kinds:
        late = kind.missed()
        if kind.fraud.visible == "never":
            console.print(f"[dim]{kind.fraud.name}: {kind.fraud.why}[/dim]")
        elif late:
            console.print(
                f"[red]{kind.fraud.name}[/red]: {len(late)} of {len(kind.cases)} not seen in time, such as {late[:3]}"
            )


def _summary(figures: dict[str, Any], report: Report, console: Console) -> None:
    table = Table(
        title=f"Aims (seed {report.seed}, {', '.join(report.profiles.values())})", title_justify="left"
    )
    for name in ("what", "reached", "aim", ""):
        table.add_column(name)
    caught, failed, referred = (
        figures[name] for name in ("visible_cases_caught", "honest_failed", "honest_referred")
    )
    aims = figures["aims"]
    rows = (
        ("frauds of visible kinds caught", caught, ">= 95 %", aims["visible kinds caught"]),
        ("honest receivables excluded", failed, "<= 0.1 %", aims["honest failed"]),
        ("honest receivables referred", referred, "<= 5 %", aims["honest referred"]),
    )
    for what, rate, aim, reached in rows:
        table.add_row(what, percent(Rate(rate["hits"], rate["of"])), aim, _mark(reached))
    table.add_row(
        "outages turned into a pass",
        str(figures["outages_turned_into_a_pass"]),
        "0",
        _mark(aims["no outage a pass"]),
    )
    kinds = figures["visible_kinds_at_95_percent"]
    table.add_row("visible kinds caught at 95 % or more", f"{kinds['hits']} of {kinds['of']}", "", "")
    table.add_row("value of visible frauds caught", f"{figures['value_caught']:.2%}", "", "")
    table.add_row(
        "1 fraud in 1,000: an excluded receivable is a fraud",
        f"{figures['precision_of_exclusions']:.1%}",
        "",
        "",
    )
    table.add_row(
        "1 fraud in 1,000: any alarm is a fraud", f"{figures['precision_of_all_alarms']:.1%}", "", ""
    )
    console.print(table)
    for fraud in report.skipped:
        console.print(f"{fraud.name}: not run, there is no profile for {fraud.product} yet")
    console.print(f"{report.seconds:.0f} s")


def _mark(reached: bool) -> str:
    return "[green]reached[/green]" if reached else "[red]not reached[/red]"
