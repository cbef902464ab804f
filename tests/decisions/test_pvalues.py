"""p-values from (statistic, counts) alone equal SciPy's from the samples."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from warehouse_drift.decisions import corrections, pvalues


@pytest.mark.parametrize(("n", "m"), [(1, 1), (5, 7), (30, 30), (400, 300), (2000, 1500), (9999, 501), (10_001, 500)])
def test_ks(n: int, m: int) -> None:
    rng = np.random.default_rng(n)
    x, y = rng.normal(size=n).round(1), rng.normal(0.1, 1, size=m).round(1)
    truth = stats.ks_2samp(x, y)
    assert pvalues.ks_pvalue(float(truth.statistic), n, m) == pytest.approx(truth.pvalue, rel=1e-6)


def test_two_proportions_equal_uncorrected_chi_squared() -> None:
    truth = stats.chi2_contingency([[30, 970], [55, 945]], correction=False)
    assert pvalues.two_proportion_pvalue(55, 1000, 30, 1000) == pytest.approx(truth.pvalue, rel=1e-9)


def test_unseen_is_one_sided_fisher() -> None:
    truth = stats.fisher_exact([[12, 988], [3, 997]], alternative="greater")
    assert pvalues.unseen_pvalue(12, 1000, 3, 1000) == pytest.approx(truth.pvalue, rel=1e-9)


def test_benjamini_hochberg_equals_scipy() -> None:
    p = list(np.random.default_rng(1).random(40) ** 3)
    assert corrections.benjamini_hochberg(p) == pytest.approx(list(stats.false_discovery_control(p)))
    assert corrections.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])


@pytest.mark.parametrize("df", [1, 2, 3, 4, 9, 10, 63, 999, 1000, 5000])
def test_chi_squared_tail(df: int) -> None:
    for x in (0.0, 1e-300, 1e-8, 0.1, 1.0, 0.5 * df, df, 1.1 * df, 1.5 * df, 3.0 * df, 1400.0, 5000.0):
        assert pvalues.chi_squared_pvalue(x, df) == pytest.approx(stats.chi2.sf(x, df), rel=1e-9, abs=1e-300)
    assert pvalues.chi_squared_pvalue(3.0, 2.5) == pytest.approx(stats.chi2.sf(3.0, 2.5), rel=1e-9)
