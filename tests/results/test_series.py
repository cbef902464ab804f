"""drift_series against numpy."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from warehouse_drift.results import write


def series(results, values: list[float | None], **more: Any) -> list[dict[str, Any]]:
    rows = [results.result("r1", i, "ok" if v is not None else "none", v, **more) for i, v in enumerate(values)]
    write.publish_results(results.wh, "drift", rows)
    return results.q("SELECT * FROM drift.drift_series ORDER BY window_start")


def check(rows: list[dict[str, Any]], values: list[float | None]) -> None:
    for i, row in enumerate(rows):
        training = np.array([v for v in values[max(0, i - 14) : i] if v is not None], dtype=np.longdouble)
        assert row["training_count"] == len(training)
        if len(training) == 0:
            assert row["training_mean"] is None and row["series_decision"] == "none"
            continue
        size = float(np.max(np.abs(training)))
        assert row["training_mean"] == pytest.approx(float(training.mean()), rel=1e-12, abs=1e-14 * size)
        if len(training) < 2:
            assert row["training_stddev"] is None
            continue
        sd = float(training.std(ddof=1))
        assert row["training_stddev"] == pytest.approx(sd, rel=1e-9, abs=1e-14 * size)
        value = values[i]
        if len(training) < 5 or value is None:
            assert row["series_decision"] == "none" and row["series_reason"] == ("no_value" if value is None else "short_training")
            assert (row["band_lower"] is None) == (len(training) < 5)
            continue
        mean = float(training.mean())
        assert row["band_lower"] == pytest.approx(mean - 3 * sd, rel=1e-9, abs=1e-13 * size)
        assert row["band_upper"] == pytest.approx(mean + 3 * sd, rel=1e-9, abs=1e-13 * size)
        if sd > 1e-12 * size:
            z = (value - mean) / sd
            assert row["z_score"] == pytest.approx(z, rel=1e-6, abs=1e-9)
            assert row["series_decision"] == ("alert" if abs(z) > 3 else "ok") or abs(abs(z) - 3) < 1e-6
        assert row["series_reason"] is None


@pytest.mark.parametrize("scale", [1.0, 1e9, 1e-200, 1e200, 1e-300])
def test_against_numpy(results, scale: float) -> None:
    rng = np.random.default_rng(7)
    values: list[float | None] = [float(v) * scale for v in rng.gamma(2.0, 0.1, 60)]
    values[20] = values[33] = values[34] = None
    values[50] = 30.0 * scale
    rows = series(results, values)
    assert len(rows) == 60
    check(rows, values)
    assert rows[50]["series_decision"] == "alert" and rows[20]["series_decision"] == "none"


def test_the_tested_window_never_trains_its_own_band(results) -> None:
    rows = series(results, [1.0, 2.0, 1.0, 2.0, 1.0, 1000.0, 1.0])
    assert rows[5]["training_mean"] == pytest.approx(1.4) and rows[5]["series_decision"] == "alert"
    assert rows[6]["training_mean"] > 100


def test_a_constant_training_period(results) -> None:
    rows = series(results, [0.1] * 10 + [0.1 + 1e-17, 0.4, 0.1])
    assert rows[9]["training_stddev"] == 0.0 and rows[9]["z_score"] is None
    assert (rows[9]["band_lower"], rows[9]["band_upper"]) == (0.1, 0.1)
    assert [rows[i]["series_decision"] for i in (9, 10, 11)] == ["ok", "ok", "alert"]


def test_numbers_at_the_end_of_the_range_stay_finite(results) -> None:
    values: list[float | None] = [1.7e308, -1.7e308] * 8 + [5e-324, 0.0]
    for row in series(results, values):
        for name in ("value", "training_mean", "training_stddev", "z_score", "band_lower", "band_upper"):
            assert row[name] is None or math.isfinite(row[name]), name


def test_series_are_apart_and_incomplete_windows_left_out(results) -> None:
    write.publish_results(
        results.wh,
        "drift",
        [results.result("r1", w, "ok", float(w), segment=g, statistic=s) for w in range(7) for g in ("all", "x=1") for s in ("psi", "ks")],
    )
    results.decide("r1", 7, "ok", 1e9, is_complete=False)
    results.decide("r1", 8, "ok", 1.0, baseline_version="b2")
    rows = results.q("SELECT * FROM drift.drift_series ORDER BY window_start")
    assert len(rows) == 7 * 4 + 1
    assert [r["training_count"] for r in rows if r["window_start"] == results.day(6)] == [6] * 4
    assert rows[-1]["training_count"] == 0, "another baseline is another series"
