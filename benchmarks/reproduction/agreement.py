"""Whether measured rows come in the published order: Kendall's tau over the pairs that have one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations


@dataclass(frozen=True)
class Agreement:
    """Pairs of rows whose published order is known, and how many are measured in that order.

    Attributes:
        concordant, discordant: pairs in the published order, and the other way round; ties count as neither.
        pairs: all that could be compared.
        reversed: the pairs of rows that came the other way round.
    """

    concordant: int
    discordant: int
    pairs: int
    reversed: tuple[tuple[str, str], ...] = ()

    @property
    def tau(self) -> float | None:
        """Kendall's tau, 1 for the same order, -1 for the opposite; None where no pair can be compared.

        Kendall 1938: (concordant - discordant) / pairs. Pairs without a published order are left out.
        """
        return (self.concordant - self.discordant) / self.pairs if self.pairs else None


def agreement(
    published: Mapping[str, float],
    measured: Mapping[str, float],
    stated: Sequence[tuple[str, str]] = (),
    higher_is_better: bool = False,
) -> Agreement:
    """Compare the orders of one column.

    Args:
        published, measured: values by row; rows that only one of them has are left out.
        stated: (better, worse) where the text states an order and the table gives no values.
        higher_is_better: of the column; it matters to ``stated`` alone.

    Example:
        >>> from reproduction.agreement import agreement
        >>> agreement({"a": 1, "b": 2, "c": 3}, {"a": 10, "b": 30, "c": 20}).tau
        0.3333333333333333
    """
    ordered = []
    for first, second in combinations([row for row in published if row in measured], 2):
        if published[first] != published[second]:
            ordered.append((first, second) if published[first] < published[second] else (second, first))
    for better, worse in stated:
        if better in measured and worse in measured:
            pair = (worse, better) if higher_is_better else (better, worse)
            if pair not in ordered:
                ordered.append(pair)
    concordant = [pair for pair in ordered if measured[pair[0]] < measured[pair[1]]]
    reversed_ = tuple(pair for pair in ordered if measured[pair[0]] > measured[pair[1]])
    return Agreement(len(concordant), len(reversed_), len(ordered), reversed_)
