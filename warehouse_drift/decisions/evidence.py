"""p-values of the statistics that run when asked for, from their summaries: a handful of numbers, never rows.

Sources: Anderson (1962) and SciPy's ``cramervonmises_2samp``; Mann & Whitney (1947) with SciPy's tie and continuity
corrections; Welch (1947); Scholz & Stephens (1987) as in ``anderson_ksamp``; Stephens (1970) for Kuiper.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

from warehouse_drift.decisions.model import Summary
from warehouse_drift.decisions.pvalues import chi_squared_pvalue, two_proportion_z

SMALL_CVM = 20
"""``cramervonmises_2samp(method='auto')`` is exact up to here (both samples)."""
SMALL_U = 8
"""``mannwhitneyu(method='auto')`` is exact up to here (either sample, no ties)."""
TWO_TIED = 6.0
"""The sum of t^3 - t of the fewest ties there can be."""


def t_pvalue(t: float, df: float) -> float:
    """Two-sided p of Student's t."""
    from scipy.special import stdtr

    return float(2.0 * stdtr(df, -abs(t)))


def z_pvalue(z: float) -> float:
    return math.erfc(abs(z) / math.sqrt(2.0))


@lru_cache(maxsize=4096)
def cramer_von_mises_pvalue(t: float, n: int, m: int) -> float:
    """p of T: exact when neither sample is larger than 20, else the limiting law with T brought to its mean and variance."""
    if max(n, m) <= SMALL_CVM:
        return _cvm_exact(t, n, m)
    total = n + m
    mean = (1.0 + 1.0 / total) / 6.0
    variance = (total + 1.0) * (4.0 * m * n * total - 3.0 * (m * m + n * n) - 2.0 * m * n)
    variance = variance / (45.0 * total * total * 4.0 * m * n)
    scaled = 1.0 / 6.0 + (t - mean) / math.sqrt(45.0 * variance)
    if scaled < 0.003:  # where the law's value is smaller than rounding
        return 1.0
    return max(0.0, 1.0 - _cvm_limit(scaled))


def _cvm_limit(x: float) -> float:
    """P(W <= x) of the limiting Cramer-von Mises law (Csorgo & Faraway 1996, equation 1.2)."""
    from scipy.special import gammaln, kv

    total, k = 0.0, 0
    while True:
        y: int = 4 * k + 1
        q = y * y / (16.0 * x)
        term = math.exp(float(gammaln(k + 0.5) - gammaln(k + 1))) / (math.pi**1.5 * math.sqrt(x))
        term *= math.sqrt(y) * math.exp(-q) * float(kv(0.25, q))
        total += float(term)
        if abs(term) < 1e-7 or k > 200:
            return total
        k += 1


def _cvm_exact(t: float, n: int, m: int) -> float:
    """Share of the arrangements of n + m ranks whose T is at least ``t`` (Xiao, Gordon & Yakovlev 2006): counts of the
    whole-number statistic, walked over lattice paths."""
    common = math.gcd(n, m)
    scale = n * m // common  # lcm
    a, b = scale // n, scale // m
    # sum of (a i - b j)^2 over the path's points is T without ties times scale^2 (n + m)^2 / (n m)
    ceiling = t * scale**2 * (n + m) ** 2 / (n * m)
    # both T's have the same shift: U / (n m (n+m)) - (4 n m - 1) / (6 (n+m)) equals this sum over distinct ranks
    rows: list[dict[int, int]] = [{} for _ in range(m + 1)]
    rows[0] = {0: 1}
    for i in range(n + 1):
        for j in range(m + 1):
            if i == 0 and j == 0:
                continue
            here: dict[int, int] = {}
            step = (a * i - b * j) ** 2
            for source in ([rows[j]] if i else []) + ([rows[j - 1]] if j else []):
                for value, count in source.items():
                    here[value + step] = here.get(value + step, 0) + count
            rows[j] = here
    least = math.floor(ceiling + 1e-9)  # ties can put it between two whole numbers; SciPy counts from the lower one
    return sum(count for value, count in rows[m].items() if value >= least) / math.comb(n + m, n)


def mann_whitney_pvalue(u: float, ties: float, n: int, m: int, *, less: bool = False) -> float:
    """p of U of the first sample: exact for a small sample without ties, else normal with SciPy's corrections.

    ``less``: against the alternative that the first sample is smaller; otherwise two-sided.
    """
    if ties == 0 and min(n, m) <= SMALL_U:
        tail = _u_tail(n, m)
        if less:
            return min(1.0, sum(tail[: math.floor(u) + 1]))
        largest = max(u, n * m - u)
        return min(1.0, 2.0 * sum(tail[math.ceil(largest) :]))
    total = n + m
    variance = n * m / 12.0 * ((total + 1.0) - ties / (total * (total - 1.0)))
    if variance <= 0:
        return 1.0
    mean = n * m / 2.0
    if less:
        z = ((n * m - u) - mean - 0.5) / math.sqrt(variance)
        return 0.5 * math.erfc(z / math.sqrt(2.0))
    z = (max(u, n * m - u) - mean - 0.5) / math.sqrt(variance)
    return min(1.0, math.erfc(z / math.sqrt(2.0)))


@lru_cache(maxsize=64)
def _u_tail(n: int, m: int) -> tuple[float, ...]:
    """P(U = u) for u = 0 .. n m: the Gaussian binomial coefficient, by multiplying and dividing polynomials."""
    import numpy as np

    counts = np.zeros(n * m + 1)
    counts[0] = 1.0
    small, large = min(n, m), max(n, m)
    for i in range(1, small + 1):
        up, down = large + i, i
        if up <= n * m:
            counts[up:] = counts[up:] - counts[: n * m + 1 - up]
        for first in range(down):  # divide by 1 - x^down: a running sum with that stride
            counts[first::down] = np.cumsum(counts[first::down])
    whole = counts.sum()
    return tuple(float(c) for c in counts / whole)


def anderson_darling_pvalue(value: float) -> float:
    """p of the standardised two-sample statistic: SciPy's interpolation, kept within [0.001, 0.25] as the table is."""
    import numpy as np

    levels = np.array([0.25, 0.1, 0.05, 0.025, 0.01, 0.005, 0.001])
    b0 = np.array([0.675, 1.281, 1.645, 1.96, 2.326, 2.573, 3.085])
    b1 = np.array([-0.245, 0.25, 0.678, 1.149, 1.822, 2.364, 3.615])
    b2 = np.array([-0.105, -0.305, -0.362, -0.391, -0.396, -0.345, -0.154])
    critical = b0 + b1 + b2  # k - 1 = 1
    if value < critical.min():
        return 0.25
    if value > critical.max():
        return 0.001
    return float(np.exp(np.polyval(np.polyfit(critical, np.log(levels), 2), value)))


def kuiper_pvalue(value: float, n: int, m: int) -> float:
    """Asymptotic p of the two-sample statistic with Stephens' small-sample factor."""
    root = math.sqrt(n * m / (n + m))
    x = (root + 0.155 + 0.24 / root) * value
    if x < 0.4:
        return 1.0
    total = 0.0
    for j in range(1, 101):
        term = (4.0 * (j * x) ** 2 - 1.0) * math.exp(-2.0 * (j * x) ** 2)
        total += term
        if abs(term) < 1e-18 * abs(total):
            break
    return min(1.0, max(0.0, 2.0 * total))


def fisher_pvalue(hits_r: int, n_r: int, hits_c: int, n_c: int) -> float:
    """Two-sided p of Fisher's exact test."""
    import numpy as np
    from scipy.stats import fisher_exact

    return float(fisher_exact(np.array([[hits_r, n_r - hits_r], [hits_c, n_c - hits_c]]))[1])


def vanished_pvalue(rows: int, values: int, n: int, m: int) -> float:
    """The chance that the largest of ``values`` values that are gone, with ``rows`` rows of n, is missed by m rows of
    the same law: all its occurrences fall on the reference's side (hypergeometric), times the number of values."""
    if rows < 1:
        return 1.0
    log_p = math.lgamma(n + 1) - math.lgamma(n - rows + 1) - math.lgamma(n + m + 1) + math.lgamma(n + m - rows + 1)
    return min(1.0, values * math.exp(log_p))


def _t(s: Summary) -> float | None:
    return None if s.test_value is None or s.test_df is None else t_pvalue(s.test_value, s.test_df)


def _chi(s: Summary) -> float | None:
    return None if s.test_value is None or s.test_df is None else chi_squared_pvalue(s.test_value, s.test_df)


def _u(less: bool) -> Callable[[Summary], float | None]:
    def p(s: Summary) -> float | None:
        if s.test_value is None or s.test_df is None:
            return None
        return mann_whitney_pvalue(s.test_value, s.test_df, s.n_reference, s.n_current, less=less)

    return p


def _hits(summary: Summary) -> float | None:
    """Two-proportion z of hits (``test_value`` now, ``test_df`` in the reference) among the rows that matter."""
    s = summary
    if s.test_value is None or s.test_df is None:
        return None
    return two_proportion_z(s.test_df, s.n_reference, s.test_value, s.n_current)[1]


def p_ends(s: Summary) -> tuple[float, float, float] | None:
    """(smallest, at the end nearest to no drift, largest) p of a summary with a test in ``EVIDENCE``: all the same
    where the value is known. An interval is shown with its largest p: the truth cannot be less of an accident."""
    found = EVIDENCE[s.statistic](s)
    if found is None or s.lower is None or s.upper is None:
        return None
    of_ties = s.statistic in ("mann_whitney", "mann_whitney_less")
    if s.lower == s.upper and not (of_ties and s.expected is not None):
        return found, found, found
    if of_ties:
        some = _u_candidates(s, s.lower, s.upper)
    else:
        some = [p for v in (s.lower, s.upper) if (p := EVIDENCE[s.statistic](replace(s, value=v))) is not None]
    return min(some), max(some), max(some)


def _u_candidates(s: Summary, lower: float, upper: float) -> list[float]:
    """p at every corner of what is known about U (in [lower, upper] n m) and its ties (from ``test_df`` up to ``expected``).
    It is monotone between them: in U on each side of n m / 2, and in the ties, but that a small sample without any has
    an exact law of its own. Ties that leave no variance are more than there can be; just below them anything is possible."""
    n, m = s.n_reference, s.n_current
    whole, fewest, most = n * m, s.test_df or 0.0, s.expected or s.test_df or 0.0
    ties = {fewest, most} | ({TWO_TIED} if fewest == 0.0 and most >= TWO_TIED else set())
    us = {lower * whole, upper * whole} | ({whole / 2.0} if lower < 0.5 < upper else set())
    found = [mann_whitney_pvalue(u, t, n, m, less=s.statistic == "mann_whitney_less") for u in us for t in ties]
    total = n + m
    return [*found, 0.0, 1.0] if most >= (total + 1.0) * total * (total - 1.0) * (1.0 - 1e-12) else found


EVIDENCE: dict[str, Callable[[Summary], float | None]] = {
    **{
        name: _chi
        for name in (
            "kl_divergence", "jensen_shannon_e", "jensen_shannon_divergence", "g_test", "cramers_v",
            "cramers_v_corrected", "chi_squared_one_sample", "chi_squared_yates", "entropy_change", "epps_singleton",
        )
    },
    **{name: _t for name in ("welch_t", "student_t", "mean_shift")},
    **{name: _hits for name in ("accuracy", "precision", "recall", "specificity")},
    "f1": lambda s: None if s.test_value is None else z_pvalue(s.test_value),
    "mae": _t,
    "two_proportion_z": lambda s: None if s.value is None else z_pvalue(s.value),
    "cramer_von_mises": lambda s: (
        None if s.value is None else cramer_von_mises_pvalue(s.value, s.n_reference, s.n_current)
    ),
    "mann_whitney": _u(less=False),
    "mann_whitney_less": _u(less=True),
    "anderson_darling": lambda s: None if s.value is None else anderson_darling_pvalue(s.value),
    "kuiper": lambda s: None if s.value is None else kuiper_pvalue(s.value, s.n_reference, s.n_current),
    "vanished_rate": lambda s: (
        None
        if s.test_value is None or s.test_df is None
        else vanished_pvalue(round(s.test_value), round(s.test_df), s.n_reference, s.n_current)
    ),
    "fisher": lambda s: (
        None
        if s.test_value is None or s.test_df is None
        else fisher_pvalue(round(s.test_value), s.n_reference, round(s.test_df), s.n_current)
    ),
}  # fmt: skip
"""statistic -> p-value of a summary; None where its counts are missing"""
