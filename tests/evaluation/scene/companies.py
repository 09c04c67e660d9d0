"""Companies: invented, with right check characters, belonging to nobody."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Final

from consortium.documents import Account, Address, Party, PartyId
from tests.evaluation.chance import Chance

_ALPHABET: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_WEIGHTS: Final = tuple(pow(3, power, 31) for power in range(17))
_REGIONS: Final = {
    "310000": ("上海", "上海市"),
    "320500": ("江苏", "苏州市"),
    "330200": ("浙江", "宁波市"),
    "370200": ("山东", "青岛市"),
    "440600": ("广东", "佛山市"),
    "420100": ("湖北", "武汉市"),
    "500000": ("重庆", "重庆市"),
}
_FIRST: Final = "华东宏远鼎盛瑞丰恒通金海立信中科新锐博众天合永泰德隆凯达昌盛嘉禾同创启明"
_SECOND: Final = "机械电子材料精工科技五金纺织化工包装铸造动力汽配商贸实业"
_GIVEN: Final = "伟芳娜敏静强磊军洋勇艳杰涛明超霞平刚"
_FAMILY: Final = "王李张刘陈杨赵黄周吴徐孙马朱胡"


@dataclass(eq=False)
class Company:
    """A company as it really is.

    :ivar former: earlier names, each with the last day on which it was the name
    :ivar size: ``large``, ``medium``, ``small`` or ``public``
    :ivar group: name of the group that it belongs to; may be empty
    :ivar owners: who holds the shares
    :ivar officers: legal representative, directors
    :ivar accounts: its bank accounts, the first for its business
    :ivar founded: day of registration
    :ivar tax_state: ``active``, ``suspended``, ``revoked``
    :ivar registered: whether the tax authority knows it
    """

    name: str
    scheme: str
    number: str
    street: str
    city: str
    province: str
    size: str
    owners: tuple[str, ...]
    officers: tuple[str, ...]
    accounts: list[str]
    founded: date
    country: str = "CN"
    group: str = ""
    former: list[tuple[str, date]] = field(default_factory=list)
    tax_state: str = "active"
    registered: bool = True
    domain: str = ""

    @property
    def id(self) -> str:
        """As ``scheme:value``."""
        return f"{self.scheme}:{self.number}"

    def named(self, on: date) -> str:
        """Its name on a day."""
        for name, until in self.former:
            if on <= until:
                return name
        return self.name

    def party(self, on: date, name: str | None = None) -> Party:
        """The company as a paper of that day has it."""
        return Party(
            name=name or self.named(on),
            identifiers=(PartyId(scheme=self.scheme, value=self.number),),
            address=Address(
                street=self.street, city=self.city, subdivision=self.province, country=self.country
            ),
        )

    def account(self, number: int = 0) -> Account:
        """One of its accounts, as an invoice names it."""
        return Account(account_id=self.accounts[number], name=self.name, bank_id="ICBKCNBJ")


def uscc(chance: Chance, region: str) -> str:
    """A unified social credit code with a right check character (GB 32100)."""
    organisation = "MA" + "".join(chance.pick(_ALPHABET) for _ in range(6))
    weights = (3, 7, 9, 10, 5, 8, 4, 2)
    total = sum(int(each, 36) * weight for each, weight in zip(organisation, weights, strict=True))
    ninth = "0123456789X0"[11 - total % 11]
    first = f"91{region}{organisation}{ninth}"
    total = sum(_ALPHABET.index(each) * weight for each, weight in zip(first, _WEIGHTS, strict=True))
    return first + _ALPHABET[-total % 31]


def lei(chance: Chance) -> str:
    """A legal entity identifier with right check digits (ISO 17442)."""
    first = "5299" + "".join(chance.pick("0123456789ABCDEFGHJKLMNPQRSTUVWXYZ") for _ in range(14))
    digits = "".join(str(int(each, 36)) for each in first + "00")
    return f"{first}{98 - int(digits) % 97:02d}"


def person(chance: Chance) -> str:
    """A person, by a made-up identifier that bureaus use."""
    return f"person:{chance.pick(_FAMILY)}{chance.pick(_GIVEN)}{chance.digits(6)}"


def company(chance: Chance, size: str = "small", *, suffix: str = "有限公司") -> Company:
    """A Chinese company."""
    region = chance.pick(list(_REGIONS))
    province, city = _REGIONS[region]
    short = chance.pick(_FIRST) + chance.pick(_FIRST) + chance.pick(_SECOND) + chance.pick(_SECOND)
    people = [person(chance) for _ in range(4)]
    return Company(
        name=f"{city.removesuffix('市')}{short}{suffix}",
        scheme="uscc",
        number=uscc(chance, region),
        street=f"{chance.pick(_FIRST)}{chance.pick(_FIRST)}路{chance.number(1, 1999)}号",
        city=city,
        province=province,
        size=size,
        owners=tuple(people[:2]),
        officers=tuple(people[1:]),
        accounts=[f"6222{chance.digits(12)}", f"6217{chance.digits(12)}"],
        founded=date(chance.number(1998, 2021), chance.number(1, 12), chance.number(1, 28)),
        domain=f"{chance.digits(5)}.example.cn",
    )


def foreign_company(chance: Chance) -> Company:
    """A company abroad."""
    name = chance.pick(("Nordwind", "Hartmann", "Castell", "Vandenberg", "Ostermann", "Lindqvist"))
    return Company(
        name=f"{name} {chance.pick(('Industrie', 'Components', 'Trading', 'Systems'))} GmbH",
        scheme="lei",
        number=lei(chance),
        street=f"Hafenstrasse {chance.number(1, 200)}",
        city="Hamburg",
        province="Hamburg",
        size="large",
        owners=(person(chance),),
        officers=(person(chance),),
        accounts=[f"DE{chance.digits(20)}"],
        founded=date(chance.number(1970, 2015), 5, 4),
        country="DE",
        registered=False,
        domain=f"{chance.digits(5)}.example.de",
    )


LENDER: Final = Company(
    name="江北银行股份有限公司",
    scheme="uscc",
    number=uscc(Chance("lender"), "310000"),
    street="陆家嘴环路1号",
    city="上海市",
    province="上海",
    size="large",
    owners=(),
    officers=(),
    accounts=["10029000012345678"],
    founded=date(1996, 2, 7),
)
"""The bank that is asked."""
