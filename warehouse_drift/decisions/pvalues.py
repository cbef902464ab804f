"""p-values from summaries: (D, n, m), (chi-squared, df) or counts. No raw rows are ever needed.

Sources: Hodges (1958) and SciPy's ``ks_2samp`` for the exact two-sample Kolmogorov-Smirnov law; Simard & L'Ecuyer
(2011) and Pelz & Good (1976) for the one-sample law that SciPy uses as its asymptotic form; Birnbaum & Tingey (1951)
for the one-sided tail. SciPy and NumPy are imported inside functions: the command line must start fast.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

MAX_EXACT = 10_000
"""Largest sample for which ``ks_2samp(method='auto')`` is exact (both samples)."""
_SMALL = 2_000
"""Up to here SciPy's one-sample law costs milliseconds; above, its O(n) sum costs a second at n = 500,000."""
_POINTS = 8_192


@lru_cache(maxsize=4096)
def ks_pvalue(d: float, n: int, m: int) -> float:
    """Two-sided p of a two-sample KS distance ``d``; equals ``scipy.stats.ks_2samp(..., method='auto').pvalue``.

    Exact when neither sample is larger than 10,000, else the one-sample law at the rounded effective size n*m/(n+m).
    Raises ValueError when a sample is empty or ``d`` is not a number.
    """
    if n < 1 or m < 1 or math.isnan(d):
        raise ValueError(f"a KS p-value needs two samples and a distance, not d={d}, n={n}, m={m}")
    if d <= 0.0:
        return 1.0
    if max(n, m) <= MAX_EXACT:
        common = math.gcd(n, m)
        steps = round(min(d, 1.0) * (n // common) * m)
        if steps == 0:
            return 1.0
        p = _outside_square(n, steps) if n == m else _outside_band(n, m, steps)
    else:
        p = _kstwo_sf(min(d, 1.0), round(n * m / (n + m)))
    return min(max(p, 0.0), 1.0)


def _outside_square(n: int, h: int) -> float:
    """Share of lattice paths of an n x n square that touch |x - y| = h: reflections, in Horner form (no cancellation)."""
    p = 0.0
    for k in range(n // h, -1, -1):
        factor = 1.0
        for j in range(h):
            factor = (n - k * h - j) * factor / (n + k * h + j + 1)
        p = factor * (1.0 - p)
    return 2.0 * p


def _outside_band(n: int, m: int, h: int) -> float:
    """Share of lattice paths (0,0) -> (n,m) that touch |i*m - j*n| >= h*gcd(n,m).

    ``touched(i, j)``, the share among the paths to (i, j), is the mean of its two predecessors weighted i : j, so one
    anti-diagonal follows from the one before it in a few array operations. The band is symmetric under a half turn:
    the walk stops in the middle and is joined with its own mirror image (hypergeometric weights). Only positive terms
    are added, so a p of 1e-300 keeps its digits.
    """
    import numpy as np
    from scipy.special import gammaln

    common = math.gcd(n, m)
    n_step, m_step = n // common, m // common
    total = n + m
    middle = total // 2
    ascending = np.arange(total + 2, dtype=np.float64)
    descending = ascending[::-1].copy()
    last = total + 1
    touched = np.ones(n + 3)  # touched[i + 1] belongs to i: a sentinel on the left
    scratch = np.empty(n + 3)

    first = -(-h // max(n_step, m_step))  # the first step that can touch the border
    touched[1 : min(first, n + 1) + 1] = 0.0
    low_before = 0
    halves: dict[int, Any] = {}
    for t in range(first, total - middle + 1):  # first <= min(n, m) <= middle
        low = max((t * n_step - h) // (n_step + m_step) + 1, 0, t - m)
        high = min(-((-t * n_step - h) // (n_step + m_step)) - 1, t, n)
        if high >= low:
            here, left, out = touched[low + 1 : high + 2], touched[low : high + 1], scratch[: high + 1 - low]
            np.multiply(left, ascending[low : high + 1], out=out)
            here *= descending[low + last - t : high + 1 + last - t]  # t - i
            here += out
            here /= t
        if low > low_before:  # these left the band: whatever comes from them has touched the border
            touched[low_before + 1 : low + 1] = 1.0
            low_before = low
        if t in (middle, total - middle):
            halves[t] = touched.copy()
    i = np.arange(max(0, middle - m), min(middle, n) + 1)
    weight = np.exp(
        gammaln(n + 1) - gammaln(i + 1) - gammaln(n - i + 1) + gammaln(m + 1) - gammaln(middle - i + 1)
        - gammaln(m - middle + i + 1) - gammaln(total + 1) + gammaln(middle + 1) + gammaln(total - middle + 1)
    )  # fmt: skip
    before, after = halves[middle][i + 1], halves[total - middle][n - i + 1]
    return float(np.sum(weight * (before + after - before * after)))


def _kstwo_sf(d: float, n: int) -> float:
    """``scipy.stats.kstwo.sf(d, n)``: tail of the one-sample two-sided KS law at (effective) size n.

    The branches are SciPy's; above n = 2,000 its sum of n terms is replaced by every k-th term of the same sum (the
    terms are a smooth bump that vanishes at both ends, where the trapezoid rule converges faster than any power).
    """
    if n <= _SMALL:
        from scipy.stats import kstwo

        return float(kstwo.sf(d, max(n, 1)))
    z2 = n * d * d
    if z2 >= 370.0 or d >= 0.5:
        return 0.0  # under 1e-300; SciPy cuts here too
    if z2 >= 2.2:
        return 2.0 * _smirnov_tail(d, n)
    return 1.0 - _pelz_good(d, n)


def _smirnov_tail(d: float, n: int) -> float:
    """P(D+ >= d) = d * sum_j C(n,j) (d + j/n)^(j-1) (1 - d - j/n)^(n-j) (Birnbaum & Tingey), for n*d large.

    Each term is formed from Stirling's series and log1p, so that no two large logarithms are subtracted.
    """
    import numpy as np

    top = math.floor(n * (1.0 - d))
    stride = max(1, top // _POINTS)
    j = np.arange(1, top, stride, dtype=np.float64)
    k = n - j
    shift = n * d
    with np.errstate(divide="ignore", invalid="ignore"):
        series = _stirling(n) - _stirling(j) - _stirling(k)
        exponent = series + j * np.log1p(shift / j) + k * np.log1p(-shift / k)
        terms = np.sqrt(n / (2.0 * np.pi * j * k)) * np.exp(exponent) / (d + j / n)
    return float(d * stride * np.sum(terms[np.isfinite(terms)]))


def _stirling(k: Any) -> Any:
    return 1.0 / (12.0 * k) - 1.0 / (360.0 * k**3) + 1.0 / (1260.0 * k**5)


def _pelz_good(d: float, n: int) -> float:
    """P(D <= d): Pelz & Good (1976), four terms in 1/sqrt(n); error under 1e-10 for n > 2,000."""
    import numpy as np

    z = math.sqrt(n) * d
    pi2 = math.pi**2
    if pi2 / 8.0 / z**2 > 700.0:
        return 0.0
    z2, z4, z6 = z**2, z**4, z**6
    odd = np.arange(1, 2 * math.ceil(16.0 * z / math.pi) + 2, 2, dtype=np.float64)
    o2, o4, o6 = odd**2, odd**4, odd**6
    q = np.exp(-pi2 * o2 / (8.0 * z2))
    k0 = float(np.sum(q))
    k1 = float(np.sum(q * (pi2 / 4.0 * o2 - z2)))
    k2 = float(np.sum(q * (6 * z6 + 2 * z4 + (2 * z4 - 5 * z2) * pi2 / 4 * o2 + pi2**2 * (1 - 2 * z2) / 16 * o4)))
    k3 = float(
        np.sum(
            q * (-30 * z6 - 90 * z**8 + pi2 * (135 * z4 - 96 * z6) / 4 * o2 + pi2**2 * (212 * z4 - 60 * z2) / 16 * o4
            + pi2**3 * (5 - 30 * z2) / 64 * o6)
        )
    )  # fmt: skip
    root = math.sqrt(2.0 * math.pi)
    even = np.arange(1, math.ceil(16.0 * z / math.pi) + 2, dtype=np.float64)
    e2 = even**2
    r = np.exp(-pi2 * e2 / (2.0 * z2))
    extra2 = float(np.sum(e2 * r)) * pi2 * root / (-36.0 * z**3)
    extra3 = float(np.sum((3.0 * z2 - pi2 * e2) * e2 * r)) * pi2 * root / (216.0 * z6)
    total = (
        k0 * root / z
        + k1 * root / (6.0 * z4) / math.sqrt(n)
        + (k2 * root / (72.0 * z**7) + extra2) / n
        + (k3 * root / (6480.0 * z**10) + extra3) / n**1.5
    )
    return float(total)


def chi_squared_pvalue(value: float, df: float) -> float:
    """P(chi-squared with ``df`` degrees of freedom >= value). Without a degree of freedom nothing can differ: 1."""
    if df <= 0:
        return 1.0
    half = max(value, 0.0) / 2.0
    if df == math.floor(df) and df <= 100_000:
        return _poisson_sum(half, int(df))
    from scipy.special import chdtrc

    return float(chdtrc(df, 2.0 * half))


def _poisson_sum(y: float, df: int) -> float:
    """The tail for whole ``df`` as a finite sum of positive terms (Abramowitz & Stegun 26.4.4 and 26.4.5): e^-y y^k / k!
    for k = 0, 1, ... under df / 2, or for k = 1/2, 3/2, ... plus the tail of one degree of freedom. Importing SciPy for
    this one function would cost as much as a comparison of half a million rows."""
    if y == 0.0:
        return 1.0
    odd = df % 2
    terms = [k * math.log(y) - y - math.lgamma(k + 1.0) for k in (i + odd / 2.0 for i in range(df // 2))]
    top = max(terms, default=0.0)
    total = math.exp(top) * math.fsum(math.exp(t - top) for t in terms) if terms else 0.0
    return min(1.0, total + (math.erfc(math.sqrt(y)) if odd else 0.0))


def two_proportion_z(hits_a: float, n_a: int, hits_b: float, n_b: int) -> tuple[float, float]:
    """(z, two-sided p) of two shares with the pooled variance; z > 0 when the second share is larger.

    (0, 1) when the pooled share is 0 or 1: both sides agree completely. Raises ValueError for an empty side.
    """
    if n_a < 1 or n_b < 1:
        raise ValueError("two shares need two samples")
    pooled = (hits_a + hits_b) / (n_a + n_b)
    variance = pooled * (1.0 - pooled) * (1.0 / n_a + 1.0 / n_b)
    if variance <= 0.0:
        return 0.0, 1.0
    z = (hits_b / n_b - hits_a / n_a) / math.sqrt(variance)
    return z, math.erfc(abs(z) / math.sqrt(2.0))


def two_proportion_pvalue(hits_current: float, n_current: int, hits_reference: float, n_reference: int) -> float:
    """Two-sided p of ``two_proportion_z``, current side first."""
    return two_proportion_z(hits_reference, n_reference, hits_current, n_current)[1]


def unseen_pvalue(unseen: float, n_current: int, singletons: float, n_reference: int) -> float:
    """One-sided Fisher: P(at least ``unseen`` of the current rows), when the baseline shows ``singletons`` in its rows.

    Good-Turing: a fresh draw from the baseline's own law is unseen with probability about singletons / n_reference, so
    both counts are hits of one kind. Hypergeometric upper tail, summed outwards from ``unseen`` with positive terms
    (SciPy would allocate one number per row). Raises ValueError for an empty side.
    """
    if n_current < 1 or n_reference < 1:
        raise ValueError("two shares need two samples")
    unseen, singletons = int(unseen), int(singletons)
    hits, total = unseen + singletons, n_current + n_reference
    most, least = min(hits, n_current), max(0, hits - n_reference)
    if unseen <= least:
        return 1.0
    log_first = (
        _log_choose(hits, unseen) + _log_choose(total - hits, n_current - unseen) - _log_choose(total, n_current)
    )
    below = unseen <= hits * n_current / total  # left of the mean: the lower tail is the short one
    if below:  # start one step lower and walk down
        x = unseen - 1
        ratio = x + 1, total - hits - n_current + x + 1, hits - x, n_current - x
        log_first += math.log(ratio[0]) + math.log(ratio[1]) - math.log(ratio[2]) - math.log(ratio[3])
    else:
        x = unseen
    term, tail = 1.0, 1.0
    while (x > least) if below else (x < most):
        if below:
            term *= x * (total - hits - n_current + x) / ((hits - x + 1) * (n_current - x + 1))
            x -= 1
        else:
            term *= (hits - x) * (n_current - x) / ((x + 1) * (total - hits - n_current + x + 1))
            x += 1
        tail += term
        if term < 1e-17 * tail:
            break
    p = math.exp(log_first) * tail
    return min(max(1.0 - p if below else p, 0.0), 1.0)


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
