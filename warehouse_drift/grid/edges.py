"""Bin edges by named rules, as numpy's ``histogram_bin_edges`` and ``quantile`` compute them, from summaries alone.

Pure functions of a column's facts (counts, range, moments, two order statistics a quantile); no rows are needed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from warehouse_drift.errors import UsageError

RULES = ("quantile", "quantile_exact", "equal_width", "sturges", "doane", "custom", "values")
ZERO_SHARES = ("default", "evidently", "laplace", "none")


@dataclass(frozen=True, slots=True)
class Binning:
    """A named choice of bins. The default, ``quantile``, is the grid's own; all others need a pass over the values.

    ``quantile_exact``: reference deciles by numpy's linear rule, open at both ends. ``equal_width``: ``count`` bins of
    the reference's range, open at both ends. ``sturges``: numpy's rule over both sides pooled. ``doane``: numpy's rule
    on the reference, and one bin for everything outside. ``custom``: ``edges`` by column name, open at both ends.
    ``values``: a bin a value.
    """

    rule: str = "quantile"
    count: int = 10
    edges: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    values_up_to: int = 0
    """a numeric column whose reference has at most so many distinct values gets a bin a value"""
    of_distinct: bool = False
    """sturges counts distinct values instead of rows (Evidently's Hellinger)"""
    unseen_together: bool = False
    """values that the reference never had share one bin (NannyML's categorical distances)"""
    missing: bool = False
    """NULL is a bin of its own and part of the denominators"""
    whole_numbers: bool = False
    """integer columns get bins at least 1 wide, as numpy >= 2.0 does for integer arrays"""

    @property
    def name(self) -> str:
        return self.rule + (" (NULL as a value)" if self.missing else "")


@dataclass(frozen=True, slots=True)
class Facts:
    """What edges are computed from: one numeric column of one pair."""

    n_r: int
    n_c: int
    min_r: float | None
    max_r: float | None
    low: float | None
    high: float | None
    distinct_r: int
    distinct_both: int
    std_r: float | None
    cube_r: float | None
    """sum of the third powers about the mean, reference"""
    integer: bool = False


def linspace(lo: float, hi: float, bins: int) -> tuple[float, ...]:
    """``numpy.linspace(lo, hi, bins + 1)``, bit by bit."""
    import numpy as np

    return tuple(float(x) for x in np.linspace(lo, hi, bins + 1))


def _equal(lo: float, hi: float, width: float) -> tuple[float, ...]:
    bins = 1 if not (width > 0 and math.isfinite(width)) else max(1, math.ceil((hi - lo) / width))
    if lo == hi:
        lo, hi = lo - 0.5, hi + 0.5
    return linspace(lo, hi, bins)


def sturges(facts: Facts, binning: Binning) -> tuple[float, ...]:
    """numpy's "sturges" over the pooled values: ceil(log2(N) + 1) equal-width bins from the smallest to the largest."""
    assert facts.low is not None and facts.high is not None
    n = facts.distinct_both if binning.of_distinct else facts.n_r + facts.n_c
    width = (facts.high - facts.low) / (math.log2(n) + 1.0)
    if binning.whole_numbers and facts.integer and width < 1:
        width = 1.0
    return _equal(facts.low, facts.high, width)


def doane(facts: Facts, binning: Binning) -> tuple[float, ...]:
    """numpy's "doane" on the reference: Sturges with an allowance for skewness."""
    assert facts.min_r is not None and facts.max_r is not None
    n, width = facts.n_r, 0.0
    if n > 2 and facts.std_r and facts.cube_r is not None:
        spread = math.sqrt(6.0 * (n - 2) / ((n + 1.0) * (n + 3.0)))
        skewness = facts.cube_r / n / facts.std_r**3
        width = (facts.max_r - facts.min_r) / (1.0 + math.log2(n) + math.log2(1.0 + abs(skewness) / spread))
    if binning.whole_numbers and facts.integer and 0 < width < 1:
        width = 1.0
    return _equal(facts.min_r, facts.max_r, width)


def equal_width(facts: Facts, count: int) -> tuple[float, ...]:
    """Inner edges of ``count`` equal-width bins of the reference's range."""
    assert facts.min_r is not None and facts.max_r is not None
    return tuple(sorted(set(linspace(facts.min_r, facts.max_r, count))))[1:-1]


def quantile_ranks(n: int, count: int) -> tuple[tuple[float, int], ...]:
    """(virtual rank, its floor) of the quantiles 0, 1/count, ..., 1 of ``n`` values, counted from 0 as numpy does."""
    found = []
    for q in linspace(0.0, 1.0, count):
        virtual = (n - 1) * q
        found.append((virtual, min(math.floor(virtual), max(n - 1, 0))))
    return tuple(found)


def quantile_edges(n: int, count: int, values: Mapping[int, float]) -> tuple[float, ...]:
    """Inner edges: the distinct quantiles without the smallest and the largest. ``values``: rank -> value."""
    found = []
    for virtual, low in quantile_ranks(n, count):
        share = virtual - low
        a, b = values[low], values.get(low + 1, values[low])
        found.append(b - (b - a) * (1.0 - share) if share >= 0.5 else a + (b - a) * share)
    return tuple(sorted(set(found)))[1:-1]


def intervals(edges: Sequence[float], *, open_ends: bool) -> list[tuple[float | None, float | None, int]]:
    """(lower, upper, closed) of the bins between ``edges``; with ``open_ends`` two more reach to the infinities."""
    if open_ends:
        bounds: list[float | None] = [None, *edges, None]
        return [(a, b, 0) for a, b in pairwise(bounds)]
    return [(a, b, int(i == len(edges) - 2)) for i, (a, b) in enumerate(pairwise(edges))]


def binning_of(rule: str, edges: str = "", missing: str = "drop") -> Binning:
    """A binning from words: ``edges`` as ``amount=0,10,100; age=18,65``, ``missing`` drop or category.

    Raises UsageError for a word that is not known, or edges that are no numbers.
    """
    if missing not in ("drop", "category"):
        raise UsageError(f"--missing is drop or category, not {missing!r}.")
    found: dict[str, tuple[float, ...]] = {}
    for part in filter(None, (p.strip() for p in edges.split(";"))):
        name, _, listed = part.partition("=")
        try:
            found[name.strip()] = tuple(float(x) for x in listed.split(","))
        except ValueError as error:
            raise UsageError(f"--edges {part!r} is not column=edge,edge,... with numbers.") from error
    if bool(found) != (rule == "custom"):
        raise UsageError("--edges and --binning custom go together.")
    return Binning(rule, edges=found, missing=missing == "category")
