"""p-values from summaries alone: statistics, degrees of freedom and counts. SciPy does the numbers."""

from __future__ import annotations

import math
from functools import lru_cache

EXACT_UP_TO = 10_000


@lru_cache(maxsize=4096)
def ks_pvalue(d: float, n: int, m: int) -> float:
    """Two-sided p of the two-sample KS statistic, as ``scipy.stats.ks_2samp(method="auto")`` gives it for such samples.

    The p-value depends on D, n and m only, so SciPy is asked with the simplest samples that have this D: i of n and j
    of m values below all others, where i / n - j / m = D. Above 10,000 rows: the kstwo distribution, as SciPy does.
    """
    import numpy as np
    from scipy import stats

    if n <= 0 or m <= 0:
        raise ValueError("both samples need rows")
    if max(n, m) > EXACT_UP_TO:
        return float(stats.kstwo.sf(d, np.round(n * m / (n + m))))
    steps = _steps(round(d * n * m), n, m)
    if steps is None:
        return float(stats.kstwo.sf(d, np.round(n * m / (n + m))))
    i, j = steps
    first = np.r_[np.zeros(i), np.ones(n - i)]
    second = np.r_[np.zeros(j), np.ones(m - j)]
    return float(stats.ks_2samp(first, second, method="auto").pvalue)


def _steps(h: int, n: int, m: int) -> tuple[int, int] | None:
    """(i, j) with i * m - j * n = h, 0 <= i <= n, 0 <= j <= m; None when no such counts exist."""
    g = math.gcd(n, m)
    if h % g:
        return None
    a, b = n // g, m // g
    i = (h // g) * pow(b, -1, a) % a if a > 1 else 0
    while i <= n:
        j, rest = divmod(i * m - h, n)
        if rest == 0 and 0 <= j <= m:
            return i, j
        i += a
    return None


def chi_squared_pvalue(statistic: float, df: float) -> float:
    """Upper tail of chi-squared; 1 when there is nothing to compare (df 0)."""
    from scipy.special import chdtrc

    return 1.0 if df <= 0 else float(chdtrc(df, statistic))


def two_proportion_pvalue(hits_current: float, n_current: int, hits_reference: float, n_reference: int) -> float:
    """Two-sided pooled z test of two shares; 1 when both are all or nothing."""
    if n_current <= 0 or n_reference <= 0:
        return 1.0
    pooled = (hits_current + hits_reference) / (n_current + n_reference)
    variance = pooled * (1 - pooled) * (1 / n_current + 1 / n_reference)
    if variance <= 0:
        return 1.0
    z = (hits_current / n_current - hits_reference / n_reference) / math.sqrt(variance)
    return math.erfc(abs(z) / math.sqrt(2))


def unseen_pvalue(unseen: float, n_current: int, singletons: float, n_reference: int) -> float:
    """One-sided Fisher test: are unseen values more frequent than the reference's singletons (Good-Turing)?"""
    from scipy.stats import hypergeom

    k, s = int(unseen), int(singletons)
    if n_current <= 0 or n_reference <= 0:
        return 1.0
    return float(hypergeom.sf(k - 1, n_current + n_reference, k + s, n_current))
