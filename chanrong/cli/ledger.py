"""``chanrong ledger``: check what the ledger stored, look a document up, run the embedded ledger."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from chanrong.cli.output import (
    DirOption,
    Exit,
    JsonOption,
    emit_json,
    item,
    kind_of,
    layout_of,
    line,
    out,
    run_async,
    short,
    styled,
    table,
    when,
)
from chanrong.cli.serve import ConfigOption, serve_ledger
from consortium.contract.figures import percent
from consortium.errors import NotFoundError

if TYPE_CHECKING:
    from chaincode.hosts.embedded.verification import VerifyReport
    from chanrong.fabric.audit import AuditReport
    from chanrong.sandbox.layout import Layout
    from chanrong.sandbox.profile import Profile

MAX_PROBLEMS = 12

app = typer.Typer(no_args_is_help=True, help="The ledger: verify, show; serve the embedded one.")


@app.command()
def serve(
    config: ConfigOption = None,
    contract: Annotated[
        str, typer.Option(help="module:attribute of the contract.")
    ] = "chaincode.contracts:ChanrongContract",
) -> None:
    """Run the embedded ledger in the foreground."""
    serve_ledger(config, contract)


@app.command()
def verify(
    database: Annotated[Path | None, typer.Option(help="Ledger file; the sandbox's by default.")] = None,
    directory: DirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check the ledger of the sandbox. Exit code 4 when anything stored was changed.

    The embedded ledger: every hash is recomputed and the state rebuilt from the blocks. Fabric: every peer's chain is
    read and recomputed, and the peers' blocks and verdicts are compared.
    """
    if database is None and (profile := _fabric_profile(layout_of(directory))) is not None:
        _verify_peers(layout_of(directory), profile, as_json)
        return
    from chaincode.hosts.embedded.verification import verify as verify_ledger

    path = database or layout_of(directory).data("ledger") / "ledger.db"
    if not path.is_file():
        raise NotFoundError(f"There is no ledger file {path}.", remedy="Name it with --database.")
    report = verify_ledger(path)
    _tell(report, "", ("intact", "changed after it was written"), as_json)


def _tell(
    report: VerifyReport | AuditReport,
    where: str,
    words: tuple[str, str],
    as_json: bool,
    heights: Mapping[str, int] | None = None,
) -> None:
    """Prints what was found; exit code 4 when it is not well.

    :param where: what the transactions are on, for a person
    :param words: verdict when all is well, and when not
    :param heights: number of blocks of each peer
    """
    if as_json:
        peers = {} if heights is None else {"peers": dict(heights)}
        emit_json(
            {
                "ok": report.ok,
                "height": report.height,
                "transactions": report.transactions,
                **peers,
                "problems": list(report.problems),
            }
        )
    else:
        for problem in report.problems[:MAX_PROBLEMS]:
            item(Text("✗ ", style="red"), problem.replace("\\x00", " "))
        if len(report.problems) > MAX_PROBLEMS:
            line("… and more, mostly in consequence of the first: --json has them")
        if any(height > report.height for height in (heights or {}).values()):
            said = ", ".join(f"{msp} {height}" for msp, height in (heights or {}).items())
            line(f"not all peers are level: {said} blocks")
        verdict = Text(words[0], style="green") if report.ok else Text(words[1], style="red")
        line(f"{report.height} blocks, {report.transactions} transactions{where}: ", verdict)
    if not report.ok:
        raise typer.Exit(int(Exit.VERIFICATION_FAILED))


def _fabric_profile(layout: Layout) -> Profile | None:
    """The profile of a sandbox on Fabric."""
    from chanrong.sandbox.profile import load_profile

    profile = load_profile(layout) if layout.profile.exists() else None
    return profile if profile is not None and profile.ledger == "fabric" else None


def _verify_peers(layout: Layout, profile: Profile, as_json: bool) -> None:
    from chanrong.fabric.audit import audit
    from chanrong.sandbox.reading import peer_gateways

    async def go() -> AuditReport:
        async with peer_gateways(layout, profile) as gateways:
            return await audit(gateways, profile.channel)

    report = run_async(go)
    where = f" on each of {len(report.heights)} peers"
    _tell(report, where, ("equal and intact", "not the same"), as_json, report.heights)


@app.command()
def show(
    fingerprint: Annotated[
        str, typer.Argument(help="A document's fingerprint, the beginning of it, or its number.")
    ],
    directory: DirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what the ledger knows of a document: its record, its asset, links and claims."""
    from chanrong.sandbox.profile import load_profile
    from chanrong.sandbox.pushed import fingerprint_of, pushed
    from chanrong.sandbox.reading import reading
    from consortium.contract import names

    layout = layout_of(directory)
    profile = load_profile(layout)
    wanted = fingerprint_of(layout, fingerprint)

    async def go() -> tuple[Any, Any]:
        async with reading(layout, profile, profile.of_kind("industry")[0].msp_id) as read:
            record = (await read(names.DOCUMENTS_GET, {"fps": [wanted]}))["documents"][0]
            if record is None:
                raise NotFoundError("The ledger knows no such document.", remedy="Check the fingerprint.")
            return record, (await read(names.ASSETS_GET, {"assets": [wanted]}))["assets"][0]

    record, asset = run_async(go)
    if as_json:
        emit_json({"document": record, "asset": asset})
        return
    parties = {party.handle: party.alias for party in profile.parties.values()}
    _record(record, parties)
    if asset is None:
        out.print()
        line(f"no asset: {kind_of(record['kind'], 2)} are evidence, and nothing is claimed on them")
    else:
        _asset(asset, {each.fingerprint: each.number for each in pushed(layout)})


def _record(record: Mapping[str, Any], parties: Mapping[str, str]) -> None:
    def party(handle: str | None) -> str:
        return parties.get(handle, handle[:12]) if handle else "nobody"

    line(Text(f"{kind_of(record['kind'])} {record['fp']}", style="bold"))
    line(
        f"registered {when(record['time'])} by {record['owner']}, transaction {short(record['first_tx'])}",
        indent=2,
    )
    vouched = "signed by its issuer" if record["grade"] == "signed" else "the gateway's word"
    line(f"{record['state']}: {vouched}", indent=2)
    line(
        f"seller {party(record['seller'])}, buyer {party(record['buyer'])}, issuer {party(record['issuer'])}",
        indent=2,
    )
    line(f"commitment {record['commitment']}", indent=2)


def _asset(asset: Mapping[str, Any], numbers: Mapping[str, str]) -> None:
    out.print()
    line(Text("asset ", style="bold"), short(asset["asset"]), "  ", styled(asset["state"]))
    shares = ["free", "claimed", "settled", "diluted", "via_total", "shortfall"]
    words = {"via_total": "used by what hangs on it", "diluted": "credited"}
    said = [f"{words.get(n, n)} {percent(asset[n])}" for n in shares if asset[n] or n == "free"]
    line(", ".join(said) + " of face value", indent=2)
    for title, edges in (("part of", asset["parents"]), ("used by", asset["children"])):
        for edge in edges:
            share = "an unknown share" if edge["of_parent"] is None else percent(edge["of_parent"])
            rest = "" if edge["counts"] else ", not known on the ledger yet"
            name = f"{numbers.get(edge['fp'], '')} ({short(edge['fp'])})".strip()
            line(f"{title} {name}: {share} of it{rest}", indent=2)
    rows = [
        (
            claim["claim"],
            claim["state"],
            percent(claim["share"]),
            percent(claim["settled"]),
            when(claim["expires"]) if claim["state"] == "reserved" and claim["expires"] else "",
        )
        for claim in asset["claims"]
    ]
    if rows:
        out.print()
        table(("claim", "state", "share", "settled", "lapses"), rows, right=("share", "settled"))
