"""The last step of statistics that need a function which no warehouse has: pure, from a summary row to a summary row."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

EXACT_SUMS = 2_000_000


@lru_cache(maxsize=64)
def _harmonic_sums(n: int) -> tuple[float, float]:
    """h = sum 1/i for i < n, and g = sum over i < j < n of 1/((n - i) j) (Scholz & Stephens 1987); g tends to pi^2/6."""
    import numpy as np

    if n > EXACT_SUMS:
        h = math.log(n - 1) + 0.57721566490153286 + 0.5 / (n - 1)
        return h, math.pi**2 / 6 - h / n
    inverse = 1.0 / np.arange(n - 1, 1, -1)
    partial = inverse.cumsum()
    return float(partial[-1] + 1.0) if n > 2 else 1.0, float((partial / np.arange(2, n)).sum())


def anderson_standard(a2: float, n: int, m: int) -> float:
    """SciPy's ``anderson_ksamp`` statistic of two samples from the raw A-squared: (A2 - 1) / sigma."""
    total, k = n + m, 2
    inverse = 1.0 / n + 1.0 / m
    h, g = _harmonic_sums(total)
    a = (4 * g - 6) * (k - 1) + (10 - 6 * g) * inverse
    b = (2 * g - 4) * k**2 + 8 * h * k + (2 * g - 14 * h - 4) * inverse - 8 * h + 4 * g - 6
    c = (6 * h + 2 * g - 2) * k**2 + (4 * h - 4 * g + 6) * k + (2 * h - 6) * inverse + 4 * h
    d = (2 * h + 6) * k**2 - 4 * h * k
    variance = (a * total**3 + b * total**2 + c * total + d) / ((total - 1.0) * (total - 2.0) * (total - 3.0))
    return (a2 - (k - 1)) / math.sqrt(variance)


def _anderson(row: dict[str, Any]) -> dict[str, Any]:
    if row["value"] is None:
        return row
    value = anderson_standard(float(row["value"]), int(row["n_reference"]), int(row["n_current"]))
    return row | {"value": value, "value_lower": value, "value_upper": value}


FINISH: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {"anderson_darling": _anderson}
