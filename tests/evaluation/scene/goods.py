"""What is traded."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final


@dataclass(frozen=True, slots=True)
class Good:
    """One article.

    :ivar unit: UN/ECE Recommendation 20
    :ivar low: lowest usual price without tax, CNY per unit
    :ivar tax_code: Chinese tax classification; services begin with 3
    :ivar bulk: weighed, not counted
    """

    name: str
    spec: str
    unit: str
    low: Decimal
    high: Decimal
    typical_quantity: int
    tax_code: str
    bulk: bool = False

    @property
    def service(self) -> bool:
        """Whether nothing is delivered."""
        return self.tax_code.startswith("3")


def _good(
    name: str, spec: str, unit: str, low: str, high: str, typical: int, tax: str, bulk: bool = False
) -> Good:
    return Good(name, spec, unit, Decimal(low), Decimal(high), typical, tax, bulk)


TRADES: Final[dict[str, tuple[Good, ...]]] = {
    "castings": (
        _good("球墨铸铁支架", "QT450-10", "H87", "38.50", "64.00", 4_000, "1080406010000000000"),
        _good("制动钳体毛坯", "HT250 K7", "H87", "22.00", "41.00", 6_000, "1080406010000000000"),
        _good("飞轮壳", "6DL1", "H87", "310.00", "460.00", 300, "1080406010000000000"),
    ),
    "fasteners": (
        _good("六角法兰面螺栓", "M8×20 10.9级", "H87", "0.42", "0.88", 200_000, "1080411020000000000"),
        _good("自锁螺母", "M10 8级", "H87", "0.21", "0.55", 300_000, "1080411020000000000"),
        _good("弹簧垫圈", "φ12", "H87", "0.08", "0.19", 500_000, "1080411020000000000"),
    ),
    "steel": (
        _good("热轧卷板", "Q235B 4.0×1500", "TNE", "3150.00", "3900.00", 120, "1080206030000000000", True),
        _good("冷轧卷板", "SPCC 1.0×1250", "TNE", "3900.00", "4700.00", 80, "1080206040000000000", True),
        _good("镀锌板", "DX51D+Z 0.8", "TNE", "4400.00", "5200.00", 60, "1080206050000000000", True),
    ),
    "copper": (
        _good("电解铜", "Cu-CATH-1", "TNE", "68000.00", "79500.00", 25, "1080301010000000000", True),
        _good("无氧铜杆", "φ8.0", "TNE", "69000.00", "81000.00", 20, "1080302020000000000", True),
    ),
    "electronics": (
        _good("贴片电容", "0603 104K", "H87", "0.012", "0.031", 2_000_000, "1090503010000000000"),
        _good("车规级MCU", "32位 LQFP64", "H87", "14.20", "31.50", 8_000, "1090506010000000000"),
        _good("线束总成", "FAKRA 2m", "H87", "18.00", "36.00", 9_000, "1090413010000000000"),
    ),
    "textiles": (
        _good("涤棉坯布", "T65/C35 45×45", "MTR", "6.10", "9.40", 40_000, "1040102010000000000"),
        _good("工作服", "夏季短袖", "H87", "58.00", "92.00", 1_500, "1040201010000000000"),
    ),
    "chemicals": (
        _good("聚丙烯", "T30S", "TNE", "7300.00", "8600.00", 60, "1070208010000000000", True),
        _good("环氧树脂", "E-51", "KGM", "14.50", "21.00", 12_000, "1070208020000000000", True),
    ),
    "packaging": (
        _good("五层瓦楞纸箱", "600×400×400", "H87", "4.60", "9.80", 30_000, "1060105020000000000"),
        _good("EPE珍珠棉", "20mm", "MTK", "3.20", "6.60", 15_000, "1070601020000000000"),
    ),
    "food": (
        _good("一级大豆油", "散装", "TNE", "7700.00", "8900.00", 50, "1030108010000000000", True),
        _good("小麦粉", "特一粉 25kg", "KGM", "3.30", "4.40", 40_000, "1030107010000000000", True),
    ),
}
"""Articles by line of business."""

SERVICES: Final = (
    _good("模具维修服务", "", "HUR", "120.00", "260.00", 300, "3040502010000000000"),
    _good("公路运输服务", "", "C62", "2200.00", "6800.00", 20, "3010102020000000000"),
    _good("软件实施服务", "", "DAY", "1800.00", "3600.00", 40, "3040201010000000000"),
)

RAW_MATERIAL: Final = {
    "castings": _good("生铁", "Q10", "TNE", "3000.00", "3500.00", 80, "1080101010000000000", True),
    "fasteners": _good(
        "冷镦钢盘条", "SWRCH35K", "TNE", "4100.00", "4900.00", 60, "1080206020000000000", True
    ),
    "electronics": _good("铜箔", "18μm", "KGM", "82.00", "96.00", 4_000, "1080303010000000000", True),
}
"""What a buyer sells for toll processing."""
