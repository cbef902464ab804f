"""`compare --precision exact` equals SciPy on the raw rows; certified intervals hold the truth."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from markupsafe import Markup
from scipy import stats

from warehouse_drift.pipeline import compare as compare_module
from warehouse_drift.pipeline import metrics

DATA = Path(__file__).parent / "data"
SETS = sorted(p.stem for p in DATA.glob("*.csv") if p.stem not in ("model_frame", "streams"))
Compared = Callable[..., dict[str, dict[str, Any]]]


def sides(name: str) -> tuple[list[Any], list[Any]]:
    rows = list(csv.DictReader((DATA / f"{name}.csv").open()))
    number = not name.startswith("cat_")
    read: dict[str, list[Any]] = {"ref": [], "cur": []}
    for row in rows:
        text = row["value"]
        read[row["side"]].append(None if text == "" else float(text) if number else text)
    return read["ref"], read["cur"]


def test_the_data_sets_are_there() -> None:
    assert len(SETS) >= 18


@pytest.mark.parametrize("name", [s for s in SETS if not s.startswith("cat_")])
@pytest.mark.parametrize("precision", ["exact", "certified"])
def test_numeric(name: str, precision: str, compared: Compared) -> None:
    reference, current = sides(name)
    rows = compared(reference, current, precision=precision)
    x, y = (np.array([v for v in s if v is not None]) for s in (reference, current))
    d = stats.ks_2samp(x, y)
    w = stats.wasserstein_distance(x, y)
    check_interval(rows["ks"], float(d.statistic), precision)
    check_interval(rows["wasserstein"], float(w), precision)
    assert (rows["ks"]["n_reference"], rows["ks"]["n_current"]) == (len(x), len(y))
    if precision == "exact":
        assert rows["ks"]["p_value"] == pytest.approx(d.pvalue, rel=1e-6, abs=1e-300)
    if np.std(x) > 0:
        check_interval(rows["wasserstein_normed"], float(w / np.std(x)), precision)
    else:
        assert rows["wasserstein_normed"]["reason_code"] == "constant_reference"


def check_interval(row: dict[str, Any], truth: float, precision: str) -> None:
    slack = 1e-9 * max(1.0, abs(truth))
    assert row["value_lower"] - slack <= truth <= row["value_upper"] + slack
    assert row["value_lower"] <= row["value"] <= row["value_upper"]
    if precision == "exact":
        assert row["value"] == pytest.approx(truth, rel=1e-9, abs=1e-9)
        assert row["precision"] == "exact"


@pytest.mark.parametrize("name", [s for s in SETS if s.startswith("cat_")])
def test_categorical(name: str, compared: Compared) -> None:
    reference, current = sides(name)
    rows = compared(reference, current, precision="exact")
    x, y = ([v for v in s if v is not None] for s in (reference, current))
    names = sorted(set(x) | set(y))
    table = np.array([[s.count(v) for v in names] for s in (x, y)])
    truth = stats.chi2_contingency(table, correction=False)
    assert rows["chi_squared"]["value"] == pytest.approx(truth.statistic, rel=1e-9, abs=1e-9)
    assert rows["chi_squared"]["p_value"] == pytest.approx(truth.pvalue, rel=1e-6, abs=1e-300)
    p, q = table[0] / len(x), table[1] / len(y)
    assert rows["l_infinity"]["value"] == pytest.approx(np.abs(p - q).max(), abs=1e-12)
    assert rows["total_variation"]["value"] == pytest.approx(np.abs(p - q).sum() / 2, abs=1e-12)
    m = (p + q) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        js = np.nansum(p * np.log2(p / m)) / 2 + np.nansum(q * np.log2(q / m)) / 2
    assert rows["jensen_shannon"]["value"] == pytest.approx(math.sqrt(max(js, 0)), abs=1e-8)
    unseen = sum(1 for v in y if v not in set(x)) / len(y)
    assert rows["unseen_rate"]["value"] == pytest.approx(unseen, abs=1e-12)
    missing = (len(current) - len(y)) / len(current) - (len(reference) - len(x)) / len(reference)
    assert rows["missing_rate_change"]["value"] == pytest.approx(missing, abs=1e-12)


def hard(name: str, shift: bool, rng: np.random.Generator, n: int = 20_000) -> tuple[np.ndarray, np.ndarray]:
    def draw(drift: float) -> np.ndarray:
        if name == "pareto":
            return (1 + drift) / (1 - rng.random(n))
        if name == "zeros":
            return np.where(rng.random(n) < 0.6 - drift, 0.0, rng.random(n) * 100)
        if name == "heaped":
            return np.floor(rng.exponential(20 * (1 + drift), n)) + 0.99
        if name == "clusters":
            return np.where(rng.random(n) < 0.5 + drift, rng.normal(size=n), 1e9 + rng.normal(size=n))
        if name == "magnitudes":
            return 10.0 ** rng.uniform(-300, 300 - 100 * drift, n)
        if name == "one_outlier":
            return np.r_[rng.normal(drift, 1, n - 1), 1e300 if drift == 0 else 1e299]
        raise AssertionError(name)

    return draw(0.0), draw(0.1 if shift else 0.0)


@pytest.mark.parametrize("name", ["pareto", "zeros", "heaped", "clusters", "magnitudes", "one_outlier"])
@pytest.mark.parametrize("shift", [False, True])
def test_hard_distributions(name: str, shift: bool, compared: Compared) -> None:
    x, y = hard(name, shift, np.random.default_rng(7))
    truth = float(stats.ks_2samp(x, y, method="asymp").statistic)
    rows = compared(x, y, statistics=["ks", "wasserstein"])
    check_interval(rows["ks"], truth, "certified")
    assert rows["ks"]["value_upper"] - rows["ks"]["value_lower"] <= 6 / math.sqrt(len(x))
    check_interval(rows["wasserstein"], float(stats.wasserstein_distance(x, y)), "certified")
    exact = compared(x, y, statistics=["ks", "wasserstein"], precision="exact")
    check_interval(exact["ks"], truth, "exact")
    assert exact["wasserstein"]["value"] == pytest.approx(stats.wasserstein_distance(x, y), rel=1e-9)


@pytest.mark.parametrize("name", ["pareto", "zeros", "heaped", "clusters", "magnitudes", "one_outlier"])
@pytest.mark.parametrize("shift", [False, True])
def test_refinement_by_parts(name: str, shift: bool, compared: Compared, monkeypatch: pytest.MonkeyPatch) -> None:
    """As columns with very many rows are refined: cells counted in finer parts, and only some of those sorted."""
    monkeypatch.setattr(metrics, "SPLIT_ROWS", 0)
    x, y = hard(name, shift, np.random.default_rng(8))
    rows = compared(x, y, statistics=["ks", "wasserstein"], precision="exact")
    check_interval(rows["ks"], float(stats.ks_2samp(x, y, method="asymp").statistic), "exact")
    assert rows["wasserstein"]["value"] == pytest.approx(stats.wasserstein_distance(x, y), rel=1e-9)
    assert rows["wasserstein"]["precision"] == "exact"


@pytest.mark.parametrize("split_rows", [0, 200_000])
def test_rows_that_changed_since_the_profile_keep_their_interval(
    split_rows: int, compared: Compared, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A refinement that meets other rows than were counted closes nothing."""
    rng = np.random.default_rng(4)
    x, y = rng.random(20_000), rng.random(20_000)
    certified = compared(x, y, statistics=["ks", "wasserstein"])
    original = compare_module.refine

    def changed(*args: Any, **options: Any) -> Any:
        *before, current = args
        return original(*before, replace(current, filter=Markup("src.v < 0.5")), **options)

    monkeypatch.setattr(metrics, "SPLIT_ROWS", split_rows)
    monkeypatch.setattr(compare_module, "refine", changed)
    rows = compared(x, y, statistics=["ks", "wasserstein"], precision="exact")
    truth = float(stats.ks_2samp(x, y, method="asymp").statistic)
    assert rows["ks"]["value_lower"] - 1e-12 <= truth <= rows["ks"]["value_upper"] + 1e-12
    area = rows["wasserstein"]
    assert area["precision"] == "certified" and area["value_lower"] < area["value_upper"]
    assert area["value_lower"] <= stats.wasserstein_distance(x, y) <= area["value_upper"]
    assert certified["wasserstein"]["value_upper"] >= area["value_upper"]


def test_everything_beyond_the_grid(compared: Compared) -> None:
    rng = np.random.default_rng(3)
    x, y = rng.random(5000), 1000 + rng.random(4000)
    rows = compared(x, y)
    assert rows["ks"]["value_lower"] == rows["ks"]["value_upper"] == 1.0
    check_interval(rows["wasserstein"], float(stats.wasserstein_distance(x, y)), "certified")


def test_null_nan_and_infinity(compared: Compared) -> None:
    rng = np.random.default_rng(5)
    x = [*rng.normal(size=500), None, None, math.nan, math.inf, -math.inf]
    y = [*rng.normal(size=400), None, math.inf, math.inf]
    rows = compared(np.array(x, dtype=object), np.array(y, dtype=object), precision="exact")
    keep = [[v for v in s if v is not None and not math.isnan(v)] for s in (x, y)]
    assert rows["ks"]["value"] == pytest.approx(stats.ks_2samp(*keep).statistic, abs=1e-9)
    assert rows["missing_rate"]["value"] == pytest.approx(1 / 403)
    assert rows["wasserstein"]["value"] is None
    assert (rows["wasserstein"]["decision"], rows["wasserstein"]["reason_code"]) == ("none", "infinite_values")


def test_empty_side(compared: Compared) -> None:
    rows = compared(np.array([1.0, 2.0, 3.0]), np.array([None], dtype=object))
    assert rows["ks"]["value"] is None and rows["ks"]["reason_code"] == "no_data"
    assert rows["psi"]["decision"] == "none"


def test_many_distinct_values_test_on_hash_buckets(compared: Compared) -> None:
    rng = np.random.default_rng(11)
    x, y = ([f"u{i}" for i in rng.zipf(1.3, 8000) % 5000] for _ in range(2))
    rows = compared(x, y)
    assert rows["chi_squared"]["p_value"] > 1e-3
    assert rows["unseen_rate"]["reason_code"] == "not_computable"
