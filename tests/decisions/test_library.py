"""Presets that stand for another library: which test a column gets, when it drifts, and what is said about it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import stats
from scipy.spatial.distance import jensenshannon

from warehouse_drift import api
from warehouse_drift.config.values import statistic_name
from warehouse_drift.decisions.library import LibraryTest, chunk_limits, library
from warehouse_drift.decisions.thresholds import preset, preset_names
from warehouse_drift.errors import UsageError
from warehouse_drift.pipeline.library import Chunks
from warehouse_drift.statistics.registry import BY_NAME

Compared = Callable[..., dict[str, dict[str, Any]]]
LIBRARIES = [n for n in preset_names() if library(n) is not None]


@pytest.mark.parametrize("name", preset_names())
def test_files(name: str) -> None:
    owner = library(name)
    for kind, limits in preset(name).items():
        assert all(warn <= alert for warn, alert in limits.values()), kind
    if owner is None:
        assert name == "psi_classic"
        return
    for test in owner.tests:
        assert set(test.kinds) <= set(BY_NAME[test.statistic].kinds), test
        assert test.limit is None or test.multiplier is None
    for kind in ("numeric", "datetime", "categorical", "boolean"):
        for rows, distinct in ((10, 1), (10, 2), (1000, 4), (1001, 2), (10**6, 10**5)):
            assert owner.chosen(kind, rows, distinct, None), (name, kind)


@pytest.mark.parametrize(
    ("kind", "rows", "distinct", "expected"),
    [
        ("numeric", 1000, 6, "ks"),
        ("numeric", 1000, 5, "chi_squared_one_sample"),
        ("numeric", 1000, 2, "two_proportion_z"),
        ("numeric", 1001, 6, "wasserstein_normed_floored"),
        ("numeric", 1001, 5, "jensen_shannon_e"),
        ("categorical", 1000, 3, "chi_squared_one_sample"),
        ("categorical", 1000, 2, "two_proportion_z"),
        ("categorical", 1001, 2, "jensen_shannon_e"),
        ("boolean", 5, 2, "two_proportion_z"),
    ],
)
def test_evidently_chooses_by_type_and_reference_size(kind: str, rows: int, distinct: int, expected: str) -> None:
    owner = library("evidently")
    assert owner is not None
    assert [t.statistic for t in owner.chosen(kind, rows, distinct, None)] == [expected]


def test_evidently_on_columns(database: Callable[..., str]) -> None:
    rng = np.random.default_rng(8)
    small = 400
    r = {"a": rng.normal(size=small), "b": rng.choice(list("xyz"), small)}
    c = {"a": rng.normal(0.05, 1, small), "b": rng.choice(list("xyzw"), small)}
    url = database(r=r, c=c)
    rows = {x["column_name"]: x for x in api.compare(url, "r", "c", preset="evidently").rows}
    p = stats.ks_2samp(r["a"], c["a"]).pvalue
    assert rows["a"]["p_value"] == pytest.approx(p, rel=1e-6)
    assert (rows["a"]["decision"] == "alert") == (p <= 0.05)
    assert rows["b"]["decision"] == "alert" and rows["b"]["reason_code"] == "zero_share"
    assert "never had" in rows["b"]["reason"]
    share = sum(x["decision"] == "alert" for n, x in rows.items() if n != ":table") / 2
    assert rows[":table"]["value"] == share and (rows[":table"]["decision"] == "alert") == (share >= 0.5)
    assert "Evidently 0.7" in rows["a"]["reason"] and "Evidently 0.7" in rows["a"]["threshold_source"]


def test_evidently_drops_infinities(compared: Compared) -> None:
    rng = np.random.default_rng(8)
    x, y = rng.normal(size=1500), np.r_[math.inf, rng.normal(0.3, 1, 1500)]
    row = compared(x, y, preset="evidently")["wasserstein_normed_floored"]
    w = stats.wasserstein_distance(x, y[1:]) / np.std(x)
    assert row["value"] == pytest.approx(w, rel=1e-9) and row["decision"] == "alert"


@pytest.mark.parametrize("leave_out", [False, True])
def test_nannyml_chunks(leave_out: bool, database: Callable[..., str]) -> None:
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=900), np.r_[rng.normal(size=300), rng.normal(0.8, 1, 250)]
    url = database(r={"i": np.arange(900), "v": x}, c={"i": np.arange(550), "v": y})
    name = "nannyml_corrected" if leave_out else "nannyml"
    result = api.compare(url, "r", "c", preset=name, columns=["v"], chunks=Chunks("i", 300))
    edges = np.histogram_bin_edges(x, "doane")

    def distance(reference: np.ndarray, chunk: np.ndarray) -> float:
        p, q = (np.histogram(s, edges)[0] for s in (reference, chunk))
        return float(jensenshannon([*p, len(reference) - p.sum()], [*q, len(chunk) - q.sum()], 2))

    if not leave_out:
        parts = [x[:300], x[300:600], x[600:]]
        own = [distance(x, part) for part in parts]
        assert [r["value"] for r in result.reference_rows] == pytest.approx(own, rel=1e-9)
        limit = min(1.0, np.mean(own) + 3 * np.std(own))
        now = [distance(x, y[:300]), distance(x, y[300:])]
        assert [r["value"] for r in result.rows] == pytest.approx(now, rel=1e-9)
        assert [r["alert_threshold"] for r in result.rows] == pytest.approx([limit] * 2, rel=1e-9)
        assert [r["decision"] == "alert" for r in result.rows] == [v > limit for v in now]
    assert [r["n_reference"] for r in result.reference_rows] == [600 if leave_out else 900] * 3
    assert [(r["chunk"], r["n_current"]) for r in result.rows] == [(0, 300), (1, 250)]
    assert result.rows[1]["decision"] == "alert"


def test_an_order_is_needed_or_found(database: Callable[..., str]) -> None:
    from datetime import datetime, timedelta

    url = database(r={"v": [1.0, 2.0, 3.0] * 10}, c={"v": [1.0, 2.0, 3.0] * 10})
    with pytest.raises(UsageError, match="order"):
        api.compare(url, "r", "c", preset="nannyml")
    assert api.compare(url, "r", "c", preset="nannyml", chunks=Chunks("v")).rows == ()
    with pytest.raises(UsageError, match="nope"):
        api.compare(url, "r", "c", preset="nannyml", chunks=Chunks("nope"))
    start = datetime(2025, 1, 1)
    times = [(start + timedelta(hours=i)).isoformat() for i in range(30)]
    side = "(SELECT v, CAST(t AS TIMESTAMP) AS t FROM {})"
    import duckdb

    file = url.removeprefix("duckdb:///")
    with duckdb.connect(file) as connection:
        connection.execute("CREATE TABLE q AS SELECT UNNEST($1) AS v, UNNEST($2) AS t", [[1.0, 2.0, 3.0] * 10, times])
    result = api.compare(url, side.format("q"), side.format("q"), preset="nannyml")
    assert len(result.rows) == 10 and {r["column_name"] for r in result.rows} == {"v"}


@pytest.mark.parametrize("name", LIBRARIES)
def test_every_library_runs_and_says_why(name: str, database: Callable[..., str]) -> None:
    rng = np.random.default_rng(1)
    sides = [
        {
            "i": np.arange(200),
            "x": rng.normal(s, 1, 200),
            "k": rng.choice(list("ab"), 200),
            "f": rng.random(200) < 0.4,
            "gone": [None] * 200,
        }
        for s in (0, 1.5)
    ]
    url = database(r=sides[0], c=sides[1])
    chunks = Chunks("i", 100)
    rows = api.compare(url, "r", "c", preset=name, chunks=chunks).rows
    owner = library(name)
    assert owner is not None
    about = [r for r in rows if r["column_name"] == "x"]
    assert about and all(r["decision"] == ("not_judged" if name == "databricks" else "alert") for r in about)
    assert all(owner.title in r["reason"] or r["decision"] == "none" for r in rows if r["column_name"] != ":table")
    none = [r for r in rows if r["column_name"] == "gone"]
    assert none and all(r["decision"] == "none" and r["reason_code"] == "no_data" for r in none)


def test_other_methods_on_request(compared: Compared) -> None:
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=300), rng.normal(0.5, 1, 300)
    rows = compared(x, y, preset="evidently", statistics=["energy_distance", "mann_whitney_less"])
    assert rows["energy_distance"]["value"] == pytest.approx(stats.energy_distance(x, y), rel=1e-9)
    less = stats.mannwhitneyu(x, y, alternative="less").pvalue
    assert rows["mann_whitney_less"]["p_value"] == pytest.approx(less, rel=1e-6)
    with pytest.raises(UsageError, match="total_variation"):
        compared(x, y, preset="evidently", statistics=["total_variation"])


def test_limits_of_chunks() -> None:
    test = LibraryTest(("numeric",), "missing_rate", multiplier=3.0, both_sides=True, smallest=0.0, largest=1.0)
    assert chunk_limits(test, [0.1, 0.3]) == (0.0, pytest.approx(0.5))
    assert chunk_limits(test, []) == (None, None)
    assert chunk_limits(LibraryTest(("numeric",), "ks", limit=0.1), [1.0]) == (None, 0.1)


def test_statistics_of_values_are_refused_in_monitors() -> None:
    with pytest.raises(ValueError, match="compare"):
        statistic_name("epps_singleton")
    assert [statistic_name(s) for s in ("hellinger", "mann_whitney")] == ["hellinger", "mann_whitney"]
