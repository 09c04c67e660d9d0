"""What is traded, as far as two documents of different parties can be compared: keys that similar goods share.

Names differ from seller to seller; codes do not. An item has a key for its registered number (GTIN), for its
class in the Chinese tax classification and in the UNSPSC, and one for the words of its name without sizes, grades
and the class that a 数电票 puts in front (``*金属制品*螺栓``). Two items are similar when they share a key.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from consortium.documents import InvoiceLine, Item
    from consortium.documents.purchase_order import OrderLine

CHINESE_TAX_LIST: Final = "CN-TAX"
CLASS_DIGITS: Final = 7
"""Leading digits of a 税收分类编码 that name a class of goods (篇 1, 类 2, 章 2, 节 2), of 19."""
UNSPSC_LISTS: Final = frozenset({"TST", "UNSPSC"})
UNSPSC_DIGITS: Final = 6
"""Leading digits of a UNSPSC code that name a class (segment, family, class), of 8."""
_PROCESSING_CLASS: Final = "2"
"""First digit of labour in the Chinese tax classification: 加工、修理修配劳务."""
_PROCESSING_WORDS: Final = ("加工费", "加工劳务", "受托加工", "来料加工", "委托加工")
_PROCESSING_NAMES: Final = re.compile(
    r"\b(toll(ing)?|contract|sub-?contract(ed)?) (processing|manufactur(e|ing)|finishing)\b|\bprocessing fees?\b"
)
_PREFIX = re.compile(r"^\*[^*]{1,40}\*")
_WORD = re.compile(r"[^\W\d_]{2,}")
_REMEMBERED: Final = 65_536
"""Names whose words are kept: a trade has few kinds of goods and many lines."""


@lru_cache(maxsize=_REMEMBERED)
def words(name: str) -> str:
    """The words of a name in alphabetical order, without sizes, grades and single letters; the whole name where
    nothing is left."""
    text = _PREFIX.sub("", unicodedata.normalize("NFKC", name).casefold().strip())
    found = sorted(set(_WORD.findall(text)))
    return " ".join(found) or text


def goods_keys(item: Item) -> Iterator[str]:
    """Keys of an item."""
    if item.standard_number is not None:
        yield f"standard:{item.standard_number}"
    for each in item.classifications:
        if each.list_id == CHINESE_TAX_LIST:
            yield f"tax:{each.code[:CLASS_DIGITS]}"
        elif each.list_id in UNSPSC_LISTS:
            yield f"unspsc:{each.code[:UNSPSC_DIGITS]}"
    yield f"name:{words(item.name)}"


@lru_cache(maxsize=_REMEMBERED)
def _names_processing(name: str) -> bool:
    text = unicodedata.normalize("NFKC", name).casefold()
    return any(word in text for word in _PROCESSING_WORDS) or _PROCESSING_NAMES.search(text) is not None


def is_processing(line: InvoiceLine | OrderLine) -> bool:
    """Whether a line is a fee for working up goods of somebody else (加工费), which moves no goods of its own."""
    for each in line.item.classifications:
        if each.list_id == CHINESE_TAX_LIST:
            return each.code.startswith(_PROCESSING_CLASS)
    return _names_processing(line.item.name)


def goods_of(lines: Iterable[InvoiceLine | OrderLine]) -> frozenset[str]:
    """Keys of everything on an invoice that is not processing."""
    return frozenset(key for line in lines if not is_processing(line) for key in goods_keys(line.item))
