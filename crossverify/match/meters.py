"""How much has been drawn on what is there, where some of it is known line by line and some only for lines together.

Meters form trees: a leaf is one order line, the nodes above it are lines that cannot be told apart (the same item on
several lines of an order, the same item on several orders of the same parties). A receipt or an invoice that names
its line stands at the leaf, one that does not at the node of all lines that it may mean. What stands at a node may be
met by anything below it and by what stands above it, so nothing has to be guessed, and no quantity counts twice.

The quantity that stays unmet in a tree is the largest of two bounds at each node: what its children cannot meet
themselves less what stands at the node, and all that was drawn below less all that is there below. The second is no
less than the first where something is drawn at the node itself, since that may use whatever its children leave.
"""

from __future__ import annotations

from crossverify.units import Exact


class Meter:
    """One node: what is there, what was drawn, and what is unmet.

    :ivar parent: the node above
    :ivar own: what stands at this node itself
    :ivar capacity: what stands here and below
    :ivar drawn: what was drawn here and below
    :ivar excess: what was drawn here and below and cannot be met from here and below
    """

    __slots__ = ("_below", "_mine", "capacity", "drawn", "excess", "own", "parent")

    def __init__(self) -> None:
        self.parent: Meter | None = None
        self.own: Exact = 0
        self.capacity: Exact = 0
        self.drawn: Exact = 0
        self.excess: Exact = 0
        self._mine: Exact = 0
        self._below: Exact = 0

    def supply(self, quantity: Exact) -> None:
        """Adds what is there. Everything is supplied before anything is drawn."""
        self.own += quantity
        node: Meter | None = self
        while node is not None:
            node.capacity += quantity
            node = node.parent

    def draw(self, quantity: Exact) -> Exact:
        """Draws; a negative quantity gives back, at most what was drawn at this node.

        :returns: by how much the quantity that stays unmet in the whole tree has changed
        """
        change = max(quantity, -self._mine)
        self._mine += change
        node: Meter | None = self
        unmet: Exact = 0
        while node is not None:
            node.drawn += change
            excess = max(0, node._below - node.own, node.drawn - node.capacity)
            unmet = excess - node.excess
            node.excess = excess
            if node.parent is not None:
                node.parent._below += unmet
            node = node.parent
        return unmet

    @property
    def top(self) -> Meter:
        """The root of the tree."""
        node = self
        while node.parent is not None:
            node = node.parent
        return node

    @property
    def within_reach(self) -> Exact:
        """All that a draw at this node may be met by: what is here and below, and what stands above."""
        total, node = self.capacity, self.parent
        while node is not None:
            total += node.own
            node = node.parent
        return total
