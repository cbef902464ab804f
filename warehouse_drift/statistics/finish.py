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
    sizes = int(row["n_reference"]), int(row["n_current"])
    ends = ("value", "value_lower", "value_upper")
    return row | {end: None if row[end] is None else anderson_standard(float(row[end]), *sizes) for end in ends}


def _epps_singleton(row: dict[str, Any]) -> dict[str, Any]:
    """W = N d' S^-1 d from the mean differences d of (cos, cos, sin, sin) and S, their covariance (Epps & Singleton 1986);
    samples under 25 rows get SciPy's correction. The evidence is chi-squared with the rank of S."""
    if row["reason_code"]:
        return row
    import numpy as np

    n, m = int(row["n_reference"]), int(row["n_current"])
    total = n + m
    spread = np.zeros((4, 4))
    for side, size in (("r", n), ("c", m)):
        mean = np.array([float(row[f"a{i}_{side}"]) for i in range(4)])
        product = np.array([[float(row[f"b{min(i, j)}{max(i, j)}_{side}"]) for j in range(4)] for i in range(4)])
        spread += total / size * (product - np.outer(mean, mean))
    d = np.array([float(row[f"a{i}_r"]) - float(row[f"a{i}_c"]) for i in range(4)])
    size_of, axes = np.linalg.eigh(spread)
    kept = size_of > 1e-10 * max(float(size_of.max()), 1e-6)
    along = axes.T @ d
    if np.abs(along[~kept]).max(initial=0.0) > 1e-7:  # the sides differ where neither of them varies: W is infinite
        return row | {"reason_code": "not_computable"}
    value = float(total * np.sum(along[kept] ** 2 / size_of[kept]))
    if max(n, m) < 25:
        value *= 1.0 / (1.0 + total**-0.45 + 10.1 * (n**-1.7 + m**-1.7))
    rank = float(kept.sum())
    return row | {"value": value, "value_lower": value, "value_upper": value, "test_value": value, "test_df": rank}


FINISH: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "anderson_darling": _anderson,
    "epps_singleton": _epps_singleton,
}
