"""Detectors of streams against plain loops over the rows."""

from __future__ import annotations

import math

import duckdb
import numpy as np
import pytest

from warehouse_drift import api
from warehouse_drift.errors import UsageError
from warehouse_drift.pipeline.streams import visited


@pytest.fixture(scope="module")
def stream(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(11)
    error = (rng.random(900) < np.where(np.arange(900) < 450, 0.1, 0.4)).astype(int)
    x = np.where(np.arange(900) < 450, 0.0, 2.0) + rng.normal(size=900)
    file = tmp_path_factory.mktemp("stream") / "s.duckdb"
    with duckdb.connect(str(file)) as connection:
        connection.execute("CREATE TABLE s (t INTEGER, error INTEGER, x DOUBLE)")
        connection.executemany("INSERT INTO s VALUES (?, ?, ?)", [[i, int(e), float(v)] for i, (e, v) in enumerate(zip(error, x, strict=True))])
    return f"duckdb:///{file}", error, x


def ddm(rows: np.ndarray) -> list[int]:
    found, n, hits, best = [], 0, 0, (math.inf, math.inf)
    for i, e in enumerate(rows):
        n, hits = n + 1, hits + int(e)
        p = hits / n
        s = math.sqrt(p * (1 - p) / n)
        if n > 30:
            best = (p, s) if p + s <= sum(best) else best
            if p + s > best[0] + 3 * best[1]:
                found.append(i)
                n, hits, best = 0, 0, (math.inf, math.inf)
    return found


def page_hinkley(rows: np.ndarray, alpha: float) -> list[int]:
    found, n, total, rise, fall, low, high = [], 0, 0.0, 0.0, 0.0, math.inf, -math.inf
    for i, x in enumerate(rows):
        n, total = n + 1, total + x
        rise, fall = alpha * rise + x - total / n - 0.005, alpha * fall + x - total / n + 0.005
        low, high = min(low, rise), max(high, fall)
        if n >= 30 and (rise - low > 50 or high - fall > 50):
            found.append(i)
            n, total, rise, fall, low, high = 0, 0.0, 0.0, 0.0, math.inf, -math.inf
    return found


def test_they_see_what_a_loop_over_the_rows_sees(stream: tuple[str, np.ndarray, np.ndarray]) -> None:
    url, error, x = stream
    assert list(api.detect(url, "s", "error", "t", "ddm").drifts) == ddm(error) != []
    for alpha in (1.0, 0.9999):
        assert list(api.detect(url, "s", "x", "t", "page_hinkley", alpha=alpha).drifts) == page_hinkley(x, alpha) != []
    for detector, column in (("hddm_a", "error"), ("hddm_w", "error"), ("adwin", "x"), ("adwin", "error")):
        found = api.detect(url, "s", column, "t", detector).drifts
        assert any(450 <= i < 650 for i in found), (detector, found)
    g, alarm = 0.0, None
    for i, v in enumerate(x):
        g = max(0.0, g + v - 0.5)
        alarm = i if alarm is None and g > 5 else alarm
    assert api.detect(url, "s", "x", "t", "cusum").drifts[0] == alarm


def test_buckets_are_those_of_a_histogram_that_grows_row_by_row() -> None:
    sizes: list[list[tuple[int, int]]] = [[]]
    for width in range(1, 400):
        sizes[0].append((width - 1, width))
        for k in range(20):
            if k >= len(sizes) or len(sizes[k]) <= 5:
                break
            (low, _), (_, high) = sizes[k][:2]
            sizes[k] = sizes[k][2:]
            if k + 1 == len(sizes):
                sizes.append([])
            sizes[k + 1].append((low, high))
        assert visited(width, 5) == [b for some in reversed(sizes) for b in some[:-1]]


def test_a_detector_that_does_not_exist(stream: tuple[str, np.ndarray, np.ndarray]) -> None:
    with pytest.raises(UsageError, match="no detector"):
        api.detect(stream[0], "s", "x", "t", "kswin")
    with pytest.raises(UsageError, match="ddm"):
        api.detect(stream[0], "s", "x", "t", "ddm", speed=1)
