"""Adjusted p-values of one family of tests."""

from __future__ import annotations

from collections.abc import Sequence


def benjamini_hochberg(p: Sequence[float]) -> list[float]:
    """Step-up adjusted p-values (false discovery rate), in the order given."""
    order = sorted(range(len(p)), key=lambda i: p[i], reverse=True)
    adjusted = [0.0] * len(p)
    least = 1.0
    for place, i in enumerate(order):
        least = min(least, p[i] * len(p) / (len(p) - place))
        adjusted[i] = least
    return adjusted


def holm(p: Sequence[float]) -> list[float]:
    """Step-down adjusted p-values (family-wise error), in the order given."""
    order = sorted(range(len(p)), key=lambda i: p[i])
    adjusted = [0.0] * len(p)
    most = 0.0
    for place, i in enumerate(order):
        most = max(most, min(1.0, p[i] * (len(p) - place)))
        adjusted[i] = most
    return adjusted


def adjust(p: Sequence[float], method: str) -> list[float]:
    """``benjamini_hochberg``, ``holm`` or ``none``."""
    if method == "benjamini_hochberg":
        return benjamini_hochberg(p)
    return holm(p) if method == "holm" else list(p)
