"""Property as the movable-property registry describes it (财产描述): written, read and compared. Pure."""

from crossverify.collateral.assets import AssetFacts, facts_of_order, facts_of_receipt, facts_of_receivable
from crossverify.collateral.compare import Comparison, Relation, compare
from crossverify.collateral.description import Collateral, Item, name_key
from crossverify.collateral.parse import read_description
from crossverify.collateral.write import collateral_of, write_description

__all__ = [
    "AssetFacts",
    "Collateral",
    "Comparison",
    "Item",
    "Relation",
    "collateral_of",
    "compare",
    "facts_of_order",
    "facts_of_receipt",
    "facts_of_receivable",
    "name_key",
    "read_description",
    "write_description",
]
