"""p-values against SciPy's golden numbers and its ks_2samp on real samples."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from warehouse_drift.decisions import corrections, pvalues

GOLDEN = json.loads((Path(__file__).parent.parent / "parity" / "golden.json").read_text())
SPECIAL = GOLDEN["special_functions"]


def rows(name: str) -> list[tuple[list[float], float]]:
    return [(a, v) for n, a, v in SPECIAL if n == name]


def test_special_functions() -> None:
    assert rows("chi2.sf") and rows("kstwo.sf") and rows("ks_2samp_exact_p")
    for (x, df), p in rows("chi2.sf"):
        assert pvalues.chi_squared_pvalue(x, df) == pytest.approx(p, rel=1e-9, abs=1e-300)
    for (d, n), p in rows("kstwo.sf"):
        assert pvalues._kstwo_sf(d, int(n)) == pytest.approx(p, rel=1e-8, abs=1e-300)
    for (d, n, m), p in rows("ks_2samp_exact_p"):
        assert pvalues.ks_pvalue(d, int(n), int(m)) == pytest.approx(p, rel=1e-9)
    for p, adjusted in rows("bh_adjusted"):
        assert corrections.benjamini_hochberg(p) == pytest.approx(adjusted)


@pytest.mark.parametrize(
    ("n", "m"),
    [
        (1, 2),
        (2, 3),
        (7, 7),
        (10, 1),
        (40, 60),
        (1000, 900),
        (9999, 10_000),
        (10_000, 10_000),
        (10_001, 9999),
        (30_000, 50_000),
    ],
)
@pytest.mark.parametrize("shift", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("digits", [0, 6])
def test_ks_equals_scipy(n: int, m: int, shift: float, digits: int) -> None:
    rng = np.random.default_rng(n + m)
    x, y = rng.normal(size=n).round(digits), (rng.normal(size=m) + shift).round(digits)
    truth = stats.ks_2samp(x, y)
    assert pvalues.ks_pvalue(float(truth.statistic), n, m) == pytest.approx(truth.pvalue, rel=1e-6, abs=1e-290)


@pytest.mark.parametrize("n", [2001, 20_000])
def test_own_tail_equals_kstwo(n: int) -> None:
    for z in (0.3, 0.9, 1.4, 1.482, 1.49, 3.0, 8.0):
        assert pvalues._kstwo_sf(z / n**0.5, n) == pytest.approx(stats.kstwo.sf(z / n**0.5, n), rel=1e-8)


def test_empty_sides_are_refused() -> None:
    for call in (lambda: pvalues.ks_pvalue(0.1, 0, 5), lambda: pvalues.two_proportion_z(0, 0, 1, 5)):
        with pytest.raises(ValueError):
            call()


def test_missing_rates_equal_the_golden_z() -> None:
    named = {(v["dataset"], v["stat"]): v["value"] for v in GOLDEN["values"] if v["part"] == "scipy"}
    found = [d for d, stat in named if stat == "null_rate_z"]
    assert found
    for dataset in found:
        a, n, b, m = named[dataset, "null_counts"]
        z, p = named[dataset, "null_rate_z"]
        own = pvalues.two_proportion_z(a, n, b, m)
        assert abs(own[0]) == pytest.approx(abs(z)) and own[1] == pytest.approx(p, rel=1e-6)
