"""TOTALS_TAX: do lines, tax and totals add up?"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from consortium.documents import Invoice, InvoiceLine, Tax, TaxSubtotal
from crossverify.rule import Effect, Input, NoThresholds, Outcome, Rule, Text, Verdict
from crossverify.units import shown
from crossverify.units_v1 import factor
from crossverify.wording import minor_unit, money

if TYPE_CHECKING:
    from crossverify.case import Case, Receivable

_ZERO = Decimal(0)
_ONE = Decimal(1)
_GRAVITY = {Outcome.PASS: 0, Outcome.UNKNOWN: 1, Outcome.WARN: 2, Outcome.FAIL: 3}


class _Check(NamedTuple):
    """One sum: what the invoice says, what it should say, and how far it may be off and be rounding."""

    code: str
    name: str
    field: str
    said: Decimal
    wanted: Decimal
    exact: Decimal
    """Off by no more than this is exact: amounts are rounded to minor units once."""
    rounding: Decimal


class TotalsTax(Rule[NoThresholds]):
    """Lines, allowances, tax by category and totals, as EN 16931 adds them up (BR-CO-10 to BR-CO-17).

    A total may be off by half a minor unit per line and tax group: that is rounding. A line is price by
    quantity, rounded once; a printed price is itself rounded, which is allowed for as well.

    - PASS: exact. WARN: off by rounding. FAIL: off by more.
    - UNKNOWN: tax is charged and not broken down, or a price is per a unit that cannot be compared.
    - NOT_APPLICABLE: an invoice that is void on the ledger.
    """

    id = "TOTALS_TAX"
    version = 1
    title = Text("Do lines, tax and totals add up?", "明细、税额与合计是否相符？")
    basis = ("EN 16931 BR-CO-10 to BR-CO-17", "EN 16931 BR-S-08, BR-S-09", "增值税法")
    explains: ClassVar = {
        "EXACT": Text("Everything adds up to the cent. Nothing to do.", "各项相加完全一致，无需处理。"),
        "ROUNDING": Text("It is off by rounding only. Nothing to do.", "仅有舍入差异，无需处理。"),
        "LINE": Text(
            "A line's amount is not its quantity at its price. Ask the seller for a corrected invoice.",
            "明细行金额与数量乘单价不符。请要求卖方更正发票。",
        ),
        "LINES_SUM": Text(
            "The lines do not add up to the total of lines. Ask for a corrected invoice.",
            "明细合计与各行之和不符。请要求更正发票。",
        ),
        "ALLOWANCES": Text(
            "The allowances do not add up to their total. Ask for a corrected invoice.",
            "折扣合计与各项折扣之和不符。请要求更正发票。",
        ),
        "CHARGES": Text(
            "The charges do not add up to their total. Ask for a corrected invoice.",
            "附加费合计与各项之和不符。请要求更正发票。",
        ),
        "NET": Text(
            "The total without tax is not lines less allowances plus charges. Ask for a corrected invoice.",
            "合计金额与明细、折扣、附加费不符。请要求更正发票。",
        ),
        "TAXABLE": Text(
            "The taxed amounts are not those of the lines. Ask for a corrected invoice.",
            "计税金额与明细不符。请要求更正发票。",
        ),
        "TAX": Text(
            "The tax of a rate is not that rate of its amount. Ask for a corrected invoice.",
            "某税率的税额与计税金额不符。请要求更正发票。",
        ),
        "TAX_SUM": Text(
            "The taxes do not add up to the total tax. Ask for a corrected invoice.",
            "合计税额与各项税额之和不符。请要求更正发票。",
        ),
        "GROSS": Text(
            "The total with tax is not net plus tax. Ask for a corrected invoice.",
            "价税合计与金额加税额不符。请要求更正发票。",
        ),
        "PAYABLE": Text(
            "The amount due is not the total less what was prepaid. Ask for a corrected invoice.",
            "应付金额与价税合计减预付不符。请要求更正发票。",
        ),
        "NOT_COMPARABLE": Text(
            "The sums cannot be checked: tax is not broken down, or a price is per another unit. Check by hand.",
            "无法核算：税额未列明细，或单价的计量单位不同。请人工核对。",
        ),
        "CANCELLED": Text("The invoice is void on the ledger.", "发票在账本上已作废。"),
    }
    applies_when = "the invoice stands"
    sources = ("documents",)
    effects: ClassVar = {"WARN": Effect.INFORMATION, "FAIL": Effect.EXCLUDE, "UNKNOWN": Effect.REFER}

    def evaluate(self, case: Case, thresholds: NoThresholds) -> Iterator[Verdict]:
        """See the class."""
        for receivable in case.receivables:
            if receivable.primary.state == "void":
                told = Input(receivable.primary.fingerprint, "state", "void", "ledger", case.as_of("ledger"))
                text = "The invoice is void on the ledger."
                yield Verdict(receivable.fingerprint, Outcome.NOT_APPLICABLE, "CANCELLED", text, (told,))
            else:
                yield _judge(case, receivable)


def _judge(case: Case, receivable: Receivable) -> Verdict:
    """The gravest of all checks, with the first checks that are as grave."""
    invoice, currency = receivable.invoice, receivable.currency
    worst, code, told = Outcome.PASS, "EXACT", "Lines, tax and totals add up."
    inputs: list[Input] = []
    for check in _checks(invoice, minor_unit(currency) / 2):
        off = abs(check.said - check.wanted)
        if off <= check.exact:
            continue
        outcome = Outcome.WARN if off <= check.rounding else Outcome.FAIL
        if _GRAVITY[outcome] < _GRAVITY[worst]:
            continue
        if outcome is not worst:
            worst, inputs = outcome, []
            code = check.code if outcome is Outcome.FAIL else "ROUNDING"
            told = (
                f"{check.name} is {money(check.said, currency)}, the sum is {shown(Fraction(check.wanted))}."
            )
        inputs.append(case.of_document(receivable.primary, check.field, check.said))
    unknown = _unknown(invoice)
    if unknown is not None and worst is not Outcome.FAIL:
        field, told = unknown
        inputs = [case.of_document(receivable.primary, field, None)]
        worst, code = Outcome.UNKNOWN, "NOT_COMPARABLE"
    if worst is Outcome.PASS:
        totals = invoice.totals
        fields = (
            ("net", totals.net),
            ("tax", totals.tax),
            ("gross", totals.gross),
            ("payable", totals.payable),
        )
        inputs = [case.of_document(receivable.primary, f"totals/{name}", value) for name, value in fields]
    return Verdict(receivable.fingerprint, worst, code, told, tuple(inputs))


def _checks(invoice: Invoice, half: Decimal) -> Iterator[_Check]:
    totals = invoice.totals
    slack = half * (len(invoice.lines) + len(invoice.taxes))
    yield from (check for line in invoice.lines for check in _line_checks(line, half))

    def total(code: str, name: str, field: str, said: Decimal, wanted: Decimal) -> _Check:
        return _Check(code, name, f"totals/{field}", said, wanted, _ZERO, slack)

    lines = sum((line.net_amount for line in invoice.lines), _ZERO)
    yield total("LINES_SUM", "The sum of the lines", "line_net", totals.line_net, lines)
    less = sum((each.amount for each in invoice.allowances if not each.charge), _ZERO)
    more = sum((each.amount for each in invoice.allowances if each.charge), _ZERO)
    yield total("ALLOWANCES", "The sum of allowances", "allowances", totals.allowances or _ZERO, less)
    yield total("CHARGES", "The sum of charges", "charges", totals.charges or _ZERO, more)
    net = totals.line_net - (totals.allowances or _ZERO) + (totals.charges or _ZERO)
    yield total("NET", "The total without tax", "net", totals.net, net)
    if invoice.taxes:
        taxable = sum((each.taxable_amount for each in invoice.taxes), _ZERO)
        yield _Check("TAXABLE", "The taxed amount", "taxes", taxable, totals.net, _ZERO, slack)
        for each in invoice.taxes:
            yield from _tax_checks(invoice, each, half)
        tax = sum((each.tax_amount for each in invoice.taxes), _ZERO)
        yield total("TAX_SUM", "The total tax", "tax", totals.tax or _ZERO, tax)
    yield total("GROSS", "The total with tax", "gross", totals.gross, totals.net + (totals.tax or _ZERO))
    payable = totals.gross - (totals.prepaid or _ZERO) + (totals.rounding or _ZERO)
    yield total("PAYABLE", "The amount due", "payable", totals.payable, payable)


def _line_checks(line: InvoiceLine, half: Decimal) -> Iterator[_Check]:
    base = _base(line)
    if base is None:
        return
    wanted = line.price * line.quantity / base
    for each in line.allowances:
        wanted += each.amount if each.charge else -each.amount
    places = line.price.as_tuple().exponent
    assert isinstance(places, int)
    last_place = min(_ONE.scaleb(places), 2 * half)  # zeros at the end of a price are not kept
    by_price = last_place / 2 * abs(line.quantity) / base
    name = f"Line {line.line_id}"
    field = f"lines/{line.line_id}/net_amount"
    yield _Check("LINE", name, field, line.net_amount, wanted, half, half + by_price)


def _base(line: InvoiceLine) -> Decimal | None:
    """The quantity that the price is for, in the line's unit; none where that cannot be compared."""
    base = line.base_quantity or _ONE
    if line.base_unit is None or line.base_unit == line.unit:
        return base
    scale = factor(line.base_unit, line.unit)
    return None if scale is None else base * scale.numerator / scale.denominator


def _tax_checks(invoice: Invoice, tax: TaxSubtotal, half: Decimal) -> Iterator[_Check]:
    """Tax of one group, reckoned on the group or line by line as Chinese invoices do."""
    field = f"taxes/{tax.category}/{'' if tax.rate is None else shown(tax.rate)}"
    name = f"The tax of category {tax.category}"
    lines = [line for line in invoice.lines if _in_group(line.tax, tax)]
    slack = half * (len(lines) + 1)
    marks = [*(line.tax for line in invoice.lines), *(each.tax for each in invoice.allowances)]
    if None not in marks:
        base = sum((line.net_amount for line in lines), _ZERO)
        for each in invoice.allowances:
            if _in_group(each.tax, tax):
                base += each.amount if each.charge else -each.amount
        what = f"The taxed amount of category {tax.category}"
        yield _Check("TAXABLE", what, field, tax.taxable_amount, base, _ZERO, slack)
    rate = (tax.rate or _ZERO) / 100
    if tax.rate is None and tax.tax_amount:
        return  # said by _unknown
    wanted = tax.taxable_amount * rate
    by_line = sum((_rounded(line.net_amount * rate, 2 * half) for line in lines), _ZERO)
    if lines and by_line == tax.tax_amount:
        wanted = by_line
    yield _Check("TAX", name, field, tax.tax_amount, wanted, half, slack)


def _in_group(mark: Tax | None, group: TaxSubtotal) -> bool:
    """Whether a line or an allowance is taxed in a group; a group without a rate is all of its category."""
    if mark is None or mark.category != group.category:
        return False
    return group.rate is None or (mark.rate or 0) == group.rate


def _rounded(value: Decimal, unit: Decimal) -> Decimal:
    """Rounded half up, away from zero, to whole units."""
    return (value / unit).to_integral_value(ROUND_HALF_UP) * unit


def _unknown(invoice: Invoice) -> tuple[str, str] | None:
    """The field that keeps the sums from being checked, and why."""
    if not invoice.taxes and invoice.totals.tax:
        return "taxes", "Tax is charged and not broken down by category and rate."
    for each in invoice.taxes:
        if each.rate is None and each.tax_amount:
            return f"taxes/{each.category}/rate", f"Tax of category {each.category} states no rate."
    for line in invoice.lines:
        if _base(line) is None:
            return (
                f"lines/{line.line_id}/base_unit",
                f"Line {line.line_id} is priced per a unit that cannot be compared.",
            )
    return None
