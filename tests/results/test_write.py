"""Values survive the way through literals; mistakes are refused before anything is written."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import numpy as np
import pytest
import sqlglot

from warehouse_drift.decisions.model import Verdict
from warehouse_drift.errors import DriftError
from warehouse_drift.results import read, write
from warehouse_drift.results.literals import literals_of
from warehouse_drift.results.place import prefix
from warehouse_drift.sql.dialect import load_dialect

NASTY = ["'", "''", "a'; DROP TABLE x; --", '"', "\\", "a\n\n\nb", "&lt;b&gt; &amp; <i>", "%s %% :name ?", "{{ x }}", "ünïcode ☃ 𝄞", "", " ", "NULL", "$1"]
DOUBLES = [0.0, -0.0, 0.1, 1e300, -1e300, 1.7976931348623157e308, 5e-324, 2.2250738585072014e-308, 1 / 3, 123456789.123456789, 1e22, 2.0**53 + 2]


@pytest.fixture(params=["values", "json"])
def results(results, request):
    """Both ways to append, on the same engine: the canonical template, and DuckDB's own."""
    if request.param == "values":
        results.wh.dialect = replace(results.wh.dialect, name="canonical", append_rows="values", append_batch=350)
    assert results.wh.dialect.append_rows == request.param
    return results


def bin_row(i: int, **more) -> dict:
    return {"project": "p", "monitor": "m", "baseline_version": "b", "column_name": "c", "grid_id": "g", "bin_index": i, "bin_label": "x", "run_id": "r", **more}


def test_texts_survive(results) -> None:
    results.put("wd_grid_bins", *[bin_row(i, bin_label=t, cell_key=t) for i, t in enumerate(NASTY)])
    rows = results.q("SELECT bin_label, cell_key FROM drift.wd_grid_bins ORDER BY bin_index")
    assert [r["bin_label"] for r in rows] == NASTY == [r["cell_key"] for r in rows]


def test_a_nul_character_is_replaced(results) -> None:
    results.put("wd_grid_bins", bin_row(0, bin_label="a\x00b"))
    assert results.q("SELECT bin_label FROM drift.wd_grid_bins")[0]["bin_label"] == "a\ufffdb"


def test_doubles_survive_bit_by_bit(results) -> None:
    rng = np.random.default_rng(3)
    values = DOUBLES + [float(v) for v in rng.standard_normal(200) * 10.0 ** rng.integers(-300, 300, 200)]
    results.put("wd_grid_bins", *[bin_row(i, bin_lower=v) for i, v in enumerate(values)])
    rows = results.q("SELECT bin_lower FROM drift.wd_grid_bins ORDER BY bin_index")
    assert [np.float64(r["bin_lower"]).tobytes() for r in rows] == [np.float64(v).tobytes() for v in values]


def test_doubles_are_exact_in_postgres_text_too() -> None:
    (sql,) = write.insert_statements(load_dialect("postgres"), prefix("drift", load_dialect("postgres")), "wd_grid_bins", [bin_row(0, bin_lower=0.1), bin_row(1, bin_lower=1e300)])
    assert "DOUBLE PRECISION" in sql and "1e-1" in sql.replace("0.1e0", "1e-1") and "1e+300" in sql


@pytest.mark.parametrize("dialect", ["duckdb", "postgres", "bigquery", "snowflake", "databricks", "clickhouse", "tsql"])
def test_texts_are_quoted_as_each_grammar_reads_them(dialect: str) -> None:
    """Read back by the grammar itself; some read a backslash as an escape."""
    literal = literals_of(replace(load_dialect("duckdb"), canonical=dialect == "duckdb", sqlglot_name=dialect))
    for text in NASTY:
        assert sqlglot.parse_one(f"SELECT {literal(text)} AS x", read=dialect).expressions[0].this.this == text, (dialect, text)


def test_instants_and_numbers_of_numpy(results) -> None:
    at = datetime(2025, 1, 1, 1, 2, 3, 456789, tzinfo=timezone(timedelta(hours=2)))
    results.event("r1", "started", at=at, rows_scanned=np.int64(7))
    (row,) = results.q("SELECT * FROM drift.wd_run_events")
    assert row["event_at"] == datetime(2024, 12, 31, 23, 2, 3, 456789) and row["rows_scanned"] == 7


def test_not_finite_is_null(results) -> None:
    results.put("wd_grid_bins", bin_row(0, bin_lower=float("nan"), bin_upper=np.float64("inf")))
    assert results.q("SELECT bin_lower, bin_upper FROM drift.wd_grid_bins") == [{"bin_lower": None, "bin_upper": None}]


def test_many_rows_are_batches(results) -> None:
    results.wh.dialect = replace(results.wh.dialect, append_batch=500)
    before = results.wh.stats.statements
    assert write.insert_rows(results.wh, "drift", "wd_grid_bins", [bin_row(i) for i in range(1201)]) == 1201
    assert results.wh.stats.statements - before == 3
    assert results.q("SELECT COUNT(DISTINCT bin_index) AS n FROM drift.wd_grid_bins") == [{"n": 1201}]
    assert write.insert_rows(results.wh, "drift", "wd_grid_bins", []) == 0


def test_mistakes_are_refused(results) -> None:
    with pytest.raises(DriftError, match="no column colour"):
        results.put("wd_grid_bins", bin_row(0, colour="red"))
    with pytest.raises(DriftError, match="without bin_label"):
        results.put("wd_grid_bins", bin_row(0, bin_label=None))
    with pytest.raises(DriftError, match="without run_id"):
        write.insert_select(results.wh, "drift", "wd_cells", ["project"], "SELECT 'p'")
    assert results.q("SELECT COUNT(*) AS n FROM drift.wd_grid_bins") == [{"n": 0}]


def test_insert_select(results) -> None:
    names = [c.name for c in write.BY_NAME["wd_run_events"].columns if c.required]
    write.insert_select(results.wh, "drift", "wd_run_events", names, "SELECT 'r', 'p', 'm', 'started', TIMESTAMP '2025-01-01'")
    assert read.run_state(results.wh, "drift", "r", "p", "m") == "running"


def test_noise_is_all_or_nothing(results) -> None:
    key = {"project": "p", "monitor": "m", "comparison": "daily", "baseline_version": "b1", "basis": "w1"}
    rows = [{"segment": "all", "column_name": "c", "statistic": s, "windows": 12, "max_value": 0.06} for s in ("psi", "ks")]
    results.put("wd_noise", {**rows[0], **key, "run_id": "killed", "created_at": results.tick()})
    assert read.noise(results.wh, "drift", "p", "m", "daily", "b1", "w1") is None
    write.publish_noise(results.wh, "drift", rows, **key, run_id="r1", at=results.tick())
    assert read.noise(results.wh, "drift", "p", "m", "daily", "b1", "w1") == {("all", "c", "psi"): (0.06, 12), ("all", "c", "ks"): (0.06, 12)}
    write.publish_noise(results.wh, "drift", [{**rows[0], "max_value": None}], **key, run_id="r2", at=results.tick())
    assert read.noise(results.wh, "drift", "p", "m", "daily", "b1", "w1") == {("all", "c", "psi"): (None, 12)}
    assert read.noise(results.wh, "drift", "p", "m", "daily", "b1", "another window") is None
    write.publish_noise(results.wh, "drift", rows[:1], **{**key, "basis": "another window"}, run_id="r3", at=results.tick())
    assert read.noise(results.wh, "drift", "p", "m", "daily", "b1", "w1") == {("all", "c", "psi"): (None, 12)}, "each basis has its own"
    write.publish_noise(results.wh, "drift", [], **{**key, "comparison": "empty"}, run_id="r2", at=results.tick())
    assert read.noise(results.wh, "drift", "p", "m", "empty", "b1", "w1") == {}


def test_bucket_counts_and_units(results) -> None:
    for b in range(4):
        for key in ("", "country"):
            results.cells("r1", b, {"a": 1}, key=key)
            results.publish("r1", b, key=key)
    results.publish("r2", 1, rows_scanned=0)
    results.cells("r1", 2, {"a": 1}, grid="old")
    results.publish("r1", 2, grid="old")
    results.publish("r1", 3, column_name=":table")
    found = read.bucket_counts(results.wh, "drift", "p", "m", "b1", columns=["c"], grid_ids=["g1"], segment_keys=["", "country"])
    assert {k: r["units"] for k, r in found.items()} == {results.day(b): 2 for b in range(4)}
    assert found[results.day(1)]["newest_scan"] > found[results.day(3)]["newest_scan"]
    some = read.bucket_counts(results.wh, "drift", "p", "m", "b1", start=results.day(1), end=results.day(3))
    assert {k: r["units"] for k, r in some.items()} == {results.day(1): 2, results.day(2): 3}
    assert [u["run_id"] for u in read.units(results.wh, "drift", "p", "m", "b1", results.day(1), results.day(2))] == ["r2", "r1"]


def test_verdicts_of_the_windows_before(results) -> None:
    for w, verdict in enumerate(["alert", "ok", "alert", "warn", "ok"]):
        results.decide("r1", w, "ok", raw_decision=verdict)
    found = read.previous_raw(results.wh, "drift", "p", "m", "daily", "b1", results.day(4), 2)
    assert found == {("all", "c", "psi"): [Verdict.WARN, Verdict.ALERT]}
    three = read.previous_raw(results.wh, "drift", "p", "m", "daily", "b1", results.day(3), 3)
    assert three == {("all", "c", "psi"): [Verdict.ALERT, Verdict.OK, Verdict.ALERT]}
    assert read.previous_raw(results.wh, "drift", "p", "m", "daily", "b1", results.day(3), 0) == {}


def test_stored_results_are_summaries_again(results) -> None:
    results.decide("r1", 0, "alert", 0.3, value_lower=0.2, value_upper=0.4, test_value=9.0, test_df=8.0, bins=9, expected=0.1, segment="g=<null>", segment_column="g")
    (row,) = read.window_results(results.wh, "drift", "p", "m", "daily", "b1", results.day(0))
    s = read.summary_of(row)
    assert (s.value, s.lower, s.upper, s.test_value, s.test_df, s.bins, s.expected) == (0.3, 0.2, 0.4, 9.0, 8.0, 9, 0.1)
    assert (s.segment, s.segment_column, s.segment_value, s.reason_code) == ("g=<null>", "g", None, None)
    assert row["precision"] == "certified" and row["segment_kind"] == "null" and row["raw_decision"] == "alert"
    results.decide("r1", 1, "none", None)
    (row,) = read.window_results(results.wh, "drift", "p", "m", "daily", "b1", results.day(1))
    assert read.summary_of(row).reason_code == "no_data"
    windows = read.decided_windows(results.wh, "drift", "p", "m", comparison="daily", start=results.day(1))
    assert [(w["window_start"], w["config_hash"], w["is_complete"]) for w in windows] == [(results.day(1), "h", True)]
