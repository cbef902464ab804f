"""Adjustment of p-values for many tests at once. Every function keeps order and never lowers a p-value.

Both adjustments are monotone: lowering one p lowers no other adjusted p's rank, so an adjusted p of a family whose
members are only known as intervals lies between the results for all lower and for all upper ends.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from warehouse_drift.errors import UsageError


def benjamini_hochberg(p: Sequence[float]) -> tuple[float, ...]:
    """Benjamini & Hochberg (1995): the expected share of false alarms among the alarms stays under the gate."""
    total = len(p)
    adjusted = [1.0] * total
    smallest = 1.0
    for rank, i in zip(range(total, 0, -1), sorted(range(total), key=lambda i: p[i], reverse=True), strict=True):
        smallest = min(smallest, p[i] * total / rank)
        adjusted[i] = smallest
    return tuple(adjusted)


def holm(p: Sequence[float]) -> tuple[float, ...]:
    """Holm (1979): the chance of a single false alarm in the family stays under the gate."""
    total = len(p)
    adjusted = [1.0] * total
    largest = 0.0
    for rank, i in enumerate(sorted(range(total), key=lambda i: p[i])):
        largest = max(largest, min(1.0, p[i] * (total - rank)))
        adjusted[i] = largest
    return tuple(adjusted)


def none(p: Sequence[float]) -> tuple[float, ...]:
    """Every p stands for itself."""
    return tuple(p)


ADJUSTMENTS: dict[str, Callable[[Sequence[float]], tuple[float, ...]]] = {
    "benjamini_hochberg": benjamini_hochberg,
    "holm": holm,
    "none": none,
}


def adjust(p: Sequence[float], name: str) -> tuple[float, ...]:
    """Adjusted p-values in the order given. Raises UsageError for a name that is not in ADJUSTMENTS."""
    if name not in ADJUSTMENTS:
        raise UsageError(f"There is no adjustment {name!r}.", hint=f"Known: {', '.join(ADJUSTMENTS)}.")
    return ADJUSTMENTS[name](p)
