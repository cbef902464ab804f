"""Statistics read from sorted values against SciPy and numpy on the raw rows; ties, NULL, infinities, constants."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from scipy import stats

from warehouse_drift.decisions.evidence import mann_whitney_pvalue
from warehouse_drift.statistics.registry import BUILT_IN

Compared = Callable[..., dict[str, dict[str, Any]]]
ASKED = [s.name for s in BUILT_IN if s.source in ("values", "ranks", "moments")]


def epps(x: np.ndarray, y: np.ndarray) -> tuple[float, float | None]:
    if min(len(x), len(y)) < 5 or stats.iqr(np.r_[x, y]) == 0:
        return math.nan, None
    found = stats.epps_singleton_2samp(x, y)
    return float(found.statistic), float(found.pvalue)


def truth(x: np.ndarray, y: np.ndarray) -> dict[str, tuple[float, float | None]]:
    """statistic -> (value, p or None)"""
    n, m, s = len(x), len(y), np.std(x)
    u = stats.mannwhitneyu(x, y)
    less = stats.mannwhitneyu(x, y, alternative="less")
    welch, student = stats.ttest_ind(x, y, equal_var=False), stats.ttest_ind(x, y)
    cvm = stats.cramervonmises_2samp(x, y)
    both = np.unique(np.r_[x, y])
    gap = np.searchsorted(np.sort(x), both, "right") / n - np.searchsorted(np.sort(y), both, "right") / m
    found: dict[str, tuple[float, float | None]] = {
        "out_of_range_rate": (float(((y < x.min()) | (y > x.max())).mean()), None),
        "mean_shift": (float((y.mean() - x.mean()) / s), float(welch.pvalue)),
        "distinct_change": (len(np.unique(y)) / len(np.unique(x)) - 1, None),
        "cramer_von_mises": (float(cvm.statistic), float(cvm.pvalue)),
        "energy_distance": (float(stats.energy_distance(x, y)), None),
        "mann_whitney": (float(u.statistic) / n / m, float(u.pvalue)),
        "mann_whitney_less": (float(less.statistic) / n / m, float(less.pvalue)),
        "welch_t": (float(welch.statistic), float(welch.pvalue)),
        "student_t": (float(student.statistic), float(student.pvalue)),
        "kuiper": (float(max(gap.max(), 0) - min(gap.min(), 0)), None),
    }
    if len(both) > 8:  # with fewer the covariance is singular, and SciPy warns
        found["epps_singleton"] = epps(x, y)
    for name, q in (("median_shift", 0.5), ("p05_shift", 0.05), ("p95_shift", 0.95)):
        found[name] = (float((np.quantile(y, q) - np.quantile(x, q)) / s), None)
    with np.testing.suppress_warnings() as quiet:
        quiet.filter(UserWarning)
        quiet.filter(FutureWarning)
        try:
            a = stats.anderson_ksamp([x, y], variant="midrank")
        except TypeError:
            a = stats.anderson_ksamp([x, y])
    found["anderson_darling"] = (float(a.statistic), float(a.pvalue))
    return found


def check(rows: dict[str, dict[str, Any]], x: np.ndarray, y: np.ndarray) -> None:
    for name, (value, p) in truth(x, y).items():
        row = rows[name]
        if math.isnan(value):
            assert row["value"] is None and row["reason_code"] in ("insufficient", "one_value"), name
            continue
        if name == "epps_singleton":  # a pseudo-inverse of a nearly singular matrix keeps fewer digits
            assert row["value"] == pytest.approx(value, rel=1e-6, abs=1e-9), name
            continue
        assert row["value"] == pytest.approx(value, rel=1e-9, abs=1e-9), name
        assert row["precision"] == "exact" and row["binning"] is None
        if p is not None:
            assert row["p_value"] == pytest.approx(p, rel=1e-6 if p > 1e-12 else 1e-3, abs=1e-14), name


@pytest.mark.parametrize("name", ["normal", "tiny", "tiny_ties", "ties", "heavy", "apart", "far_from_zero"])
def test_against_scipy(name: str, compared: Compared) -> None:
    rng = np.random.default_rng(12)
    x, y = {
        "normal": lambda: (rng.normal(size=1500), rng.normal(0.1, 1.2, 900)),
        "tiny": lambda: (rng.normal(size=8), rng.normal(0.5, 1, 5)),
        "tiny_ties": lambda: (np.array([1.0, 1, 2, 3, 3, 4, 4]), np.array([2.0, 2, 3, 5, 5, 5])),
        "ties": lambda: (rng.poisson(4, 700).astype(float), rng.poisson(4.3, 800).astype(float)),
        "heavy": lambda: (rng.standard_t(2, 600), rng.standard_t(2, 900) * 2),
        "apart": lambda: (rng.uniform(0, 1, 60), rng.uniform(2, 3, 40)),
        "far_from_zero": lambda: (1e6 + rng.normal(size=400), 1e6 + rng.normal(0.3, 1, 500)),
    }[name]()
    check(compared(x, y, statistics=ASKED, precision="exact"), x, y)


sizes = st.lists(st.integers(-5, 5).map(float), min_size=3, max_size=25)


@pytest.mark.slow
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sizes, sizes)
@example([0.0] * 7 + [1.0], [0.0] * 3 + [-1.0])
def test_whatever_the_ties(compared: Compared, x: list[float], y: list[float]) -> None:
    if len(set(x)) < 2 or len(set(y)) < 2:
        return
    check(compared(x, y, statistics=ASKED, precision="exact"), np.array(x), np.array(y))


def test_null_nan_and_infinity(compared: Compared) -> None:
    rng = np.random.default_rng(5)
    x = [*rng.normal(size=300), None, math.nan, math.inf]
    y = [*rng.normal(size=200), None, None, -math.inf]
    rows = compared(np.array(x, dtype=object), np.array(y, dtype=object), statistics=ASKED, precision="exact")
    keep = [np.array([v for v in s if v is not None and not math.isnan(v)]) for s in (x, y)]
    u = stats.mannwhitneyu(*keep)
    assert rows["mann_whitney"]["value"] == pytest.approx(u.statistic / len(keep[0]) / len(keep[1]))
    assert (rows["kuiper"]["n_reference"], rows["kuiper"]["n_current"]) == (301, 201)
    for name in ("energy_distance", "welch_t", "student_t", "mean_shift", "median_shift"):
        assert (rows[name]["value"], rows[name]["reason_code"]) == (None, "infinite_values")


def test_constants_are_no_false_alarm(compared: Compared) -> None:
    rows = compared([5.0] * 300, [5.0] * 200, statistics=ASKED, precision="exact")
    assert rows["cramer_von_mises"]["value"] is None is rows["cramer_von_mises"]["p_value"]
    assert rows["cramer_von_mises"]["reason_code"] == rows["anderson_darling"]["reason_code"] == "one_value"
    assert rows["welch_t"]["reason_code"] == rows["mean_shift"]["reason_code"] == "constant_reference"
    assert rows["mann_whitney"]["value"] == 0.5 and rows["mann_whitney"]["p_value"] == 1.0
    assert rows["energy_distance"]["value"] == 0.0 == rows["kuiper"]["value"]
    moved = compared([5.0] * 300, [6.0] * 200, statistics=ASKED, precision="exact")
    assert moved["out_of_range_rate"]["value"] == 1.0 and moved["kuiper"]["value"] == 1.0
    assert moved["kuiper"]["p_value"] < 1e-50


def test_empty_side(compared: Compared) -> None:
    rows = compared([1.0, 2.0, 3.0], np.array([None], dtype=object), statistics=ASKED, precision="exact")
    assert {r["reason_code"] for r in rows.values()} == {"no_data"}


def test_exact_u_of_small_samples() -> None:
    for n, m in ((3, 4), (8, 30), (5, 5)):
        for u in range(0, n * m + 1, 3):
            x = stats.mannwhitneyu(np.arange(n), np.arange(m) + 0.5, method="exact")
            assert 0 < mann_whitney_pvalue(u, 0.0, n, m) <= 1
        assert mann_whitney_pvalue(float(x.statistic), 0.0, n, m) == pytest.approx(x.pvalue, rel=1e-9)


def test_many_distinct_categories(compared: Compared) -> None:
    x, y = [f"u{i}" for i in range(3000)], [f"u{i}" for i in range(1500, 6000)]
    assert compared(x, y, statistics=["distinct_change"])["distinct_change"]["value"] == 0.5
