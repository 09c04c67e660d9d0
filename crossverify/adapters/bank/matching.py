"""Which document numbers a payment names: whole tokens of its remittance information, never parts of them.

A payer writes "Rechnung 1002", "INV 2024 001", "SVWZ+INV-2024/001" or "发票号码25112000000000000001". An
index of tokens is made when a statement is loaded, so that a question is one look-up:

1. Unicode is folded (NFKC, upper case) and text is cut into *words* at blanks, list punctuation and between
   Chinese and other characters; hyphens, slashes, dots and underscores stay inside a word, as in a number.
2. A word without its separators is a token; so are up to four neighbouring words together, as numbers get
   printed with blanks ("INV 2024 001"), unless all of them are plain digits: two numbers are not one.
3. A word like "INV-1/INV-2" whose parts begin with the same letters is a list: each part is a token too.
4. A token is *weak* when it might well be something else: a date, few digits without a word such as "invoice"
   before them (years, days) or beside another number, a number after "PO" or "order", a number glued to a
   label. A weak token counts only when the amount paid is the amount asked about.

"INV-1" is therefore never found in "INV-10" nor "2024" in "INV-2024-001".
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

MAX_TOKEN_CHARACTERS = 70  # ISO 20022 gives document numbers 35, texts 140: longer is no number
MAX_TOKENS = 2_000  # of one payment; one full page of remittance text has about 400
MAX_JOINED_WORDS = 4
MAX_JOINED_CHARACTERS = 35  # ISO 20022's longest document number
MAX_LETTERS_OF_A_PART = 5
SURE_DIGITS = 5  # a plain number this long is hardly a year or a day
SURE_CHARACTERS = 4
FILLED_SEGMENT_CHARACTERS = (
    27  # shortest line width at which banks break remittance text, perhaps inside a number
)

_BREAKS = re.compile(r"[\s:=#()\[\]{}<>\"'|*!?。：（）【】“”]+")
_COMMAS = re.compile(r"[,;+&，；、]")  # between the items of a list
_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+")
_SIGNS = re.compile(r"[\W_]+")
_A_DIGIT = re.compile(r"\d")
_LIST = re.compile(r"[/\\]")
_DATE = re.compile(r"\d{1,2}[-./]\d{1,2}[-./](\d{2}|\d{4})|\d{4}[-./]\d{1,2}[-./]\d{1,2}")
_EDGES = "-_./\\~–—·"
_DOTTED_LABEL = re.compile(r"^(NO|NR|NUM|NUMERO|INV|RG|RE|REF|FAC|FACT)\.+(?=[^\W_])")
_GLUED_LABEL = re.compile(
    r"^(?:INVOICE|INV|RECHNUNG|RNR|RG|RE|FACTURE|FACT|FAC|FAKTURA|NO|NR|REF)0*([1-9][0-9]*)$"
)


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_INVOICE_LABELS = _set(
    """INVOICE INVOICES INV INVS RECHNUNG RECHNUNGEN RECHNUNGSNUMMER RECHNUNGSNR RG RGNR RNR RE RENR
    FACTURE FACTURES FACT FAC FAKTURA FAKTUUR FACTUUR NOTA FATTURA FATTURE FATT FACTURA FACTURAS LASKU BILL
    发票 发票号 发票号码 付发票 货款发票号码 货款"""
)
_OTHER_LABELS = _set(
    """PO ORDER ORDERS BESTELLUNG AUFTRAG COMMANDE PEDIDO ORDINE CUSTOMER KUNDENNUMMER KUNDENNR KLANTNUMMER
    CLIENT CONTRACT VERTRAG TAN PIN DATE DATUM VOM PERIOD 订单 订单号 合同 合同号 客户号"""
)
_NEUTRAL = _set("NO NR NUM NUMBER NUMBERS NUMMER NUMERO N NOS AND UND ET Y E EN OCH JA 和 及 号 号码")


def fold(text: str) -> str:
    """Unicode compatibility form in upper case: full-width and half-width digits become the same."""
    return unicodedata.normalize("NFKC", text).upper()


def name_key(name: str) -> str:
    """A name as it is compared: folded, letters and digits only."""
    return "".join(character for character in fold(name) if character.isalnum())


def token_of(number: str) -> str:
    """A document number as it is looked up: folded, letters and digits only.

    Payers drop the leading zeros of plain numbers at will, also of official ones, so here they never count.
    """
    bare = _alphanumeric(fold(number))
    return (bare.lstrip("0") or "0") if _digits(bare) else bare


def creditor_reference_tokens(reference: str) -> list[str]:
    """Tokens of a structured creditor reference: itself, and what is inside an ISO 11649 one ("RF18...")."""
    whole = token_of(reference)
    tokens = [whole] if whole else []
    bare = _alphanumeric(fold(reference))
    if re.fullmatch(r"RF[0-9]{2}[0-9A-Z]{1,21}", bare):
        digits = "".join(str(int(character, 36)) for character in bare[4:] + bare[:4])
        if int(digits) % 97 == 1:
            tokens.append(token_of(bare[4:]))
    return tokens


def text_tokens(segments: Sequence[str]) -> dict[str, bool]:
    """Tokens of unstructured remittance text and whether each is strong; at most MAX_TOKENS.

    :param segments: the text in the pieces in which the statement has it
    """
    found: dict[str, bool] = {}
    for token, strong in _tokens(" ".join(segments)):
        _add(found, token, strong)
    joined = _joined_segments(segments)
    if joined is not None:
        for token, strong in _tokens(joined):
            _add(found, token, strong)
    return found


def _add(found: dict[str, bool], token: str, strong: bool) -> None:
    if token in found or len(found) < MAX_TOKENS:
        found[token] = found.get(token, False) or strong


def _joined_segments(segments: Sequence[str]) -> str | None:
    """The text with filled segments joined without a blank, when there are such."""
    parts: list[str] = []
    joined = False
    for index, segment in enumerate(segments):
        filled = len(segment) >= FILLED_SEGMENT_CHARACTERS and index + 1 < len(segments)
        joined = joined or filled
        parts.append(segment if filled else segment + " ")
    return "".join(parts) if joined else None


@dataclass(frozen=True, slots=True)
class _Word:
    """A word of the text. :ivar label: kind of word that it stands under: "invoice", "other" or "" """

    text: str
    bare: str
    label: str


_COMMA = _Word(",", "", "")


def _tokens(text: str) -> Iterator[tuple[str, bool]]:
    words = list(_labelled_words(fold(text)))
    for start, word in enumerate(words):
        if word is _COMMA:
            continue
        piece = any(_has_digit(neighbour.bare) for neighbour in _neighbours(words, start))
        yield from _word_tokens(word, piece=piece)
        joined = word.bare
        for follower in words[start + 1 : start + MAX_JOINED_WORDS]:
            joined += follower.bare
            if len(joined) > MAX_JOINED_CHARACTERS or not _may_join(word) or not _may_join(follower):
                break
            if _has_digit(joined) and not _digits(joined):
                yield joined, True


def _neighbours(words: Sequence[_Word], index: int) -> Sequence[_Word]:
    return (*words[max(index - 1, 0) : index], *words[index + 1 : index + 2])


def _may_join(word: _Word) -> bool:
    """Whether a word can be a part of a number that is printed with blanks."""
    if word is _COMMA or word.bare in _NEUTRAL:
        return False
    return _has_digit(word.bare) or len(word.bare) <= MAX_LETTERS_OF_A_PART


def _labelled_words(text: str) -> Iterator[_Word]:
    label = ""
    for word in _words(text):
        bare = _alphanumeric(word)
        if bare in _INVOICE_LABELS:
            label = "invoice"
        elif bare in _OTHER_LABELS:
            label = "other"
        elif bare and not _has_digit(bare) and bare not in _NEUTRAL:
            label = ""
        yield _Word(word, bare, label) if bare else _COMMA


def _words(text: str) -> Iterator[str]:
    for piece in _BREAKS.split(_COMMAS.sub(" , ", text)):
        for part in _split_han(piece):
            word = part.strip(_EDGES)
            dotted = _DOTTED_LABEL.match(word)
            if dotted:
                yield dotted.group(1)
                word = word[dotted.end() :]
            if word == "," or _alphanumeric(word):
                yield word


def _split_han(piece: str) -> Iterable[str]:
    if not _HAN.search(piece):
        return (piece,)
    return (part for part in re.split(f"({_HAN.pattern})", piece) if part)


def _word_tokens(word: _Word, *, piece: bool) -> Iterator[tuple[str, bool]]:
    """Tokens of one word. :param piece: a number stands right beside it, so that it may be a part of one"""
    token = token_of(word.text)
    if len(token) > MAX_TOKEN_CHARACTERS or not _has_digit(token):
        return
    is_date = _DATE.fullmatch(word.text) is not None
    yield token, not is_date and _is_strong(token, word.label, piece=piece)
    parts = [part for part in _LIST.split(word.text) if _alphanumeric(part)]
    if len(parts) > 1 and _is_list(parts):
        for part in parts:
            yield token_of(part), _is_strong(token_of(part), word.label, piece=False)
    glued = _GLUED_LABEL.match(token)
    if glued:
        yield glued.group(1), False


def _is_list(parts: Sequence[str]) -> bool:
    """Whether parts between slashes are numbers of one series ("INV-1/INV-2") or all long plain numbers."""
    heads = {match.group() if (match := re.match(r"[A-Z]+", part)) else "" for part in parts}
    if len(heads) != 1 or not all(_has_digit(part) for part in parts):
        return False
    return heads != {""} or all(_digits(part) and len(part) >= 6 for part in parts)


def _is_strong(token: str, label: str, *, piece: bool) -> bool:
    if label == "other":
        return False
    if len(token) >= (SURE_DIGITS if _digits(token) else SURE_CHARACTERS):
        return True
    return label == "invoice" and not piece


def _alphanumeric(word: str) -> str:
    return _SIGNS.sub("", word)


def _digits(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _has_digit(text: str) -> bool:
    return _A_DIGIT.search(text) is not None
