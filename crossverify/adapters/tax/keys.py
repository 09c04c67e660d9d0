"""Under which keys the tax authority knows an invoice.

A 数电票 is its 20 digits, an older fapiao its code and number, whoever the seller is; any other invoice is its
number with an identifier of its seller; credit notes may be numbered like invoices, so theirs are apart. A
commercial invoice that names exactly one fapiao is known under that one's key too, as an alias.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from consortium.documents.common import DocumentRef
from consortium.documents.fingerprint import normalised_number
from consortium.documents.invoice import InvoiceBase
from consortium.documents.party import Party, primary_id, strong_ids
from crossverify.adapters.ids import normal_id

_DIGITAL: Final = re.compile(r"\d{20}", re.ASCII)
_BARE: Final = "bare|"


def official_keys(number: str, code: str) -> list[str]:
    """Keys of a Chinese invoice; none where the number is no official one.

    :param code: 发票代码, empty where there is none
    """
    digits = "".join(each for each in unicodedata.normalize("NFKC", number) if each.isalnum())
    if code:
        return [f"code|{unicodedata.normalize('NFKC', code).strip()}|{digits}"]
    return [f"digital|{digits}"] if _DIGITAL.fullmatch(digits) else []


def seller_key(number: str, seller: str) -> str:
    """Key of any invoice: its number and one identifier of its seller, "scheme:value"."""
    return f"seller|{normal_id(seller)}|{normalised_number(number)}"


def _note_key(number: str, seller: str) -> str:
    return "credit_" + seller_key(number, seller)


def bare_key(number: str) -> str:
    """Key that tells no sellers apart: for people who name an invoice by its number alone."""
    return _BARE + normalised_number(number)


def question_keys(number: str, code: str, seller: str) -> list[str]:
    """Keys under which a question's invoice may be known, best first."""
    if code:
        return official_keys(number, code)
    chinese = official_keys(number, "") if normal_id(seller).startswith("uscc:") else []
    return [*chinese, seller_key(number, seller)]


def identifiers_of(party: Party) -> tuple[str, ...]:
    """Every identifier under which a question may name a party, best first."""
    found = [*strong_ids(party), primary_id(party)]
    found += [each for each in party.identifiers if each.scheme != "local"]
    return tuple(dict.fromkeys(str(each) for each in found))


def own_keys(document: InvoiceBase) -> list[str]:
    """Keys that are the document's own."""
    code = next((each.code or "" for each in document.fapiao if each.number == document.number), "")
    key = _note_key if document.kind == "credit_note" else seller_key
    sellers = [key(document.number, seller) for seller in identifiers_of(document.seller)]
    is_fapiao = any(each.number == document.number for each in document.fapiao)
    chinese = is_fapiao or any(each.scheme == "uscc" for each in document.seller.identifiers)
    return [*(official_keys(document.number, code) if chinese else []), *([] if code else sellers)]


def alias_keys(document: InvoiceBase) -> list[str]:
    """Keys of the one fapiao that a commercial invoice names, and those without seller."""
    keys = [bare_key(document.number)]
    if len(document.fapiao) == 1:
        fapiao = document.fapiao[0]
        keys += [*official_keys(fapiao.number, fapiao.code or ""), bare_key(fapiao.number)]
    own = set(own_keys(document))
    return [key for key in dict.fromkeys(keys) if key not in own]


def preceding_keys(document: InvoiceBase, preceding: DocumentRef) -> list[str]:
    """Keys of an invoice that a credit note says it corrects."""
    code = preceding.fapiao_code or ""
    sellers = [seller_key(preceding.number, seller) for seller in identifiers_of(document.seller)]
    return [*official_keys(preceding.number, code), *([] if code else sellers)]
