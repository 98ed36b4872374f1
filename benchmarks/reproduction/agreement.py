"""Compare the order of measured rows with the published order: Kendall's tau over pairs that differ by more than noise."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

DEVIATIONS = 2.0
"""Means count as apart where they differ by more than so many of their pooled standard deviations."""


@dataclass(frozen=True)
class Agreement:
    """Pairs of rows whose published order is known, and how many are measured in that order.

    Attributes:
        concordant, discordant: numbers of pairs in the published order, and in the opposite order.
        pairs: the number of pairs that could be compared: concordant, discordant and tied ones.
        reversed: the pairs of rows measured in the opposite order.
        within_noise: pairs that are not counted, because their means differ by less than noise.
        in_order: the number of pairs in the published order if noise is ignored, of :attr:`known`.
        known: the number of pairs with a published order, counted or not.
        noise_known: whether any row has several seeds. Without, no pair of trained rows can be told from noise.
    """

    concordant: int
    discordant: int
    pairs: int
    reversed: tuple[tuple[str, str], ...] = ()
    within_noise: tuple[tuple[str, str], ...] = ()
    in_order: int = 0
    known: int = 0
    noise_known: bool = True

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
    deviations: Mapping[str, float | None] | None = None,
) -> Agreement:
    """Compare the measured order of one column's rows with the published order.

    Args:
        published, measured: values by row; rows that only one of them has are left out.
        stated: (better, worse) where the text states an order and the table gives no values.
        higher_is_better: of the column; it matters to ``stated`` alone.
        deviations: by row, the standard deviation of the measured value over seeds; None where a row has one seed, which is
            taken to vary as the others of the column do. A pair counts only where its means differ by more than
            :data:`DEVIATIONS` times their pooled deviation; where no row has several seeds, none does. Every pair counts
            where this is not given.

    Example:
        >>> from reproduction.agreement import agreement
        >>> agreement({"a": 1, "b": 2, "c": 3}, {"a": 10, "b": 30, "c": 20}).tau
        0.3333333333333333
        >>> agreement({"a": 1, "b": 2}, {"a": 10, "b": 11}, deviations={"a": 1.0, "b": 1.0}).within_noise
        (('a', 'b'),)
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
    apart = [pair for pair in ordered if _apart(pair, measured, deviations)]
    concordant = [pair for pair in apart if measured[pair[0]] < measured[pair[1]]]
    reversed_ = tuple(pair for pair in apart if measured[pair[0]] > measured[pair[1]])
    return Agreement(
        concordant=len(concordant),
        discordant=len(reversed_),
        pairs=len(apart),
        reversed=reversed_,
        within_noise=tuple(pair for pair in ordered if pair not in apart),
        in_order=sum(measured[first] < measured[second] for first, second in ordered),
        known=len(ordered),
        noise_known=deviations is None or any(deviations.values()),
    )


def _apart(pair: tuple[str, str], measured: Mapping[str, float], deviations: Mapping[str, float | None] | None) -> bool:
    """Return whether the means of two rows differ by more than their noise."""
    if deviations is None:
        return True
    # A baseline without random draws does not vary, which says nothing about the other rows.
    known = [deviation for deviation in deviations.values() if deviation]
    usual = math.sqrt(statistics.fmean(deviation**2 for deviation in known)) if known else math.inf
    first, second = (usual if (deviation := deviations.get(row)) is None else deviation for row in pair)
    pooled = math.sqrt((first**2 + second**2) / 2)
    return abs(measured[pair[0]] - measured[pair[1]]) > DEVIATIONS * pooled
