"""The statements on the vendors' own pages, against the drop-in views: only names of tables and monitors are ours.

Pages (read 2026-11-24 from stored copies; the statements are facts of an interface, so their columns and structure stay):

- docs.databricks.com/aws/en/data-governance/unity-catalog/data-quality-monitoring/data-profiling/monitor-output, section
  "Query analysis and drift metrics tables". Without ``model_id = 1``: a column of model versions is a segment here.
- docs.snowflake.com/sql-reference/functions/model-monitor-drift-metric, section "Examples" (fixed dates; the last 30 days).
  A view has no arguments: they are conditions here.
- docs.cloud.google.com/bigquery/docs/reference/standard-sql/bigqueryml-syntax-validate-data-drift, section "Examples",
  and docs.cloud.google.com/bigquery/docs/model-monitoring-overview (the gate before a new training: written earlier, that
  page was not read again). The two tables and the STRUCT of limits are the monitor's configuration here.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.reports.reading import rows
from warehouse_drift import verbs_run

# DuckDB wants quotes around window and count, and 'single ones' around texts; Databricks' page has none and "double ones".
DATABRICKS = """
SELECT "window"."start", column_name, "count", num_nulls, distinct_count, frequent_items
FROM drift.m_profile_metrics
WHERE slice_key IS NULL AND column_name = 'amount'
ORDER BY "window"."start"
"""
SNOWFLAKE = """
SELECT * FROM drift.snowflake_drift_metric
WHERE monitor = 'm' AND metric_name = '{metric}' AND column_name = 'amount'
  AND event_timestamp >= {start} AND event_timestamp < {end} AND segment_column IS NULL
"""
BIGQUERY = "SELECT * FROM drift.bigquery_drift WHERE monitor = 'm'"
BIGQUERY_GATE = "SELECT ARRAY_AGG(input) FROM drift.bigquery_drift WHERE monitor = 'm' AND is_anomaly"
TABLE = "SELECT COUNT(*) AS n, AVG(amount) AS mean, 100.0 * COUNT(*) FILTER (amount = 0) / COUNT(*) AS zeros FROM t"
WEEKS = ("2025-02-03", "2025-02-10", "2025-02-17")


def facts(db: duckdb.DuckDBPyConnection, where: str) -> dict[str, Any]:
    """Rows, mean of ``amount`` and percent of zeros in it, from the source."""
    return rows(db, f"{TABLE} WHERE {where}")[0]


def week(start: str) -> str:
    return f"ts >= DATE '{start}' AND ts < DATE '{start}' + 7"


BASELINE = "ts >= '2025-01-06' AND ts < '2025-02-03'"


def test_databricks_profile(db: duckdb.DuckDBPyConnection) -> None:
    found = rows(db, DATABRICKS)
    raw = rows(db, "SELECT CAST(ts AS DATE) AS day, COUNT(*) AS n, COUNT(*) - COUNT(amount) AS nulls FROM t GROUP BY 1 ORDER BY 1")
    raw = raw[-len(found) :] if found[-1]["start"].date() == raw[-1]["day"] else raw[: len(found)]
    assert len(found) == len(raw) >= 48
    assert [(r["start"].date(), r["count"], r["num_nulls"]) for r in found] == [(r["day"], r["n"], r["nulls"]) for r in raw]


def test_databricks_deltas(db: duckdb.DuckDBPyConnection) -> None:
    asked = (
        'SELECT "window"."start" AS s, count_delta, avg_delta, percent_null_delta, percent_zeros_delta FROM drift.m_drift_metrics '
        "WHERE column_name = 'amount' AND drift_type = 'BASELINE' AND slice_key{} ORDER BY 1"
    )
    for slice_, where in ((" IS NULL", ""), (" = 'place' AND slice_value = 'plain'", " AND place = 'plain'")):
        found, base = rows(db, asked.format(slice_)), facts(db, BASELINE + where)
        assert [str(r["s"].date()) for r in found] == list(WEEKS)
        for r in found:
            now = facts(db, week(str(r["s"].date())) + where)
            assert r["count_delta"] == now["n"] - base["n"] and r["percent_null_delta"] == 0
            assert r["avg_delta"] == pytest.approx(now["mean"] - base["mean"], rel=1e-9, abs=1e-12)
            assert r["percent_zeros_delta"] == pytest.approx(now["zeros"] - base["zeros"], abs=1e-12)
    assert rows(db, "SELECT DISTINCT avg_delta, percent_zeros_delta FROM drift.m_drift_metrics WHERE column_name = ':table'") == [
        {"avg_delta": None, "percent_zeros_delta": None}
    ]


def test_snowflake_fixed_dates(db: duckdb.DuckDBPyConnection) -> None:
    found = rows(db, SNOWFLAKE.format(metric="DIFFERENCE_OF_MEANS", start="TIMESTAMP '2025-02-10'", end="TIMESTAMP '2025-02-17'"))
    base, now = facts(db, BASELINE), facts(db, week("2025-02-10"))
    (one,) = found
    assert one["metric_value"] == pytest.approx(now["mean"] - base["mean"], rel=1e-9, abs=1e-12)
    assert (one["count_used"], one["count_unused"], one["segment_value"]) == (now["n"] + base["n"], 0, None)


def test_snowflake_last_days(db: duckdb.DuckDBPyConnection) -> None:
    days = {"start": "DATE '2025-02-24' - 30", "end": "DATE '2025-02-24'"}  # the page: DATEADD('DAY', -30, CURRENT_DATE()), CURRENT_DATE()
    found = rows(db, SNOWFLAKE.format(metric="JENSEN_SHANNON", **days))
    stored = rows(db, "SELECT value FROM drift.drift_history WHERE segment = 'all' AND column_name = 'amount' AND statistic = 'jensen_shannon'")
    assert sorted(r["metric_value"] for r in found) == sorted(r["value"] for r in stored) and len(found) == len(WEEKS)
    for metric in ("WASSERSTEIN", "POPULATION_STABILITY_INDEX", "DIFFERENCE_OF_MEANS"):
        assert len(rows(db, SNOWFLAKE.format(metric=metric, **days))) == len(WEEKS)


def test_bigquery(db: duckdb.DuckDBPyConnection) -> None:
    found = rows(db, BIGQUERY)
    assert list(found[0])[:5] == ["input", "metric", "threshold", "value", "is_anomaly"]
    assert {(r["input"], r["is_anomaly"]) for r in found if r["metric"] == "PSI"} >= {("amount", True)}
    assert db.execute(BIGQUERY_GATE).fetchall() == [(["amount"],)]


def test_deltas_of_days(tmp_path: Path) -> None:
    """Windows of one bucket have distinct values; the window before is a reference like the baseline; missing values count."""
    with duckdb.connect(str(tmp_path / "x.duckdb")) as c:
        # 14 days of 200 rows, the later ones with fewer values and more zeros, every tenth value missing
        c.execute(
            "CREATE TABLE t AS SELECT TIMESTAMP '2025-01-06' + INTERVAL (i // 200) DAY + INTERVAL (i % 200) SECOND AS ts, "
            "CASE WHEN i % 10 = 9 THEN NULL ELSE (i * 7919) % (6 - i // 700) END AS amount FROM range(2801) AS r(i)"
        )
    body = {
        "version": 1,
        "project": "p",
        "warehouse": {"url": f"duckdb:///{tmp_path / 'x.duckdb'}"},
        "monitors": [
            {
                "name": "m",
                "relation": "t",
                "timestamp": "ts",
                "columns": ["amount"],
                "baseline": {"from": "2025-01-06", "to": "2025-01-13"},
                "comparisons": [{"name": "daily", "window": "day", "against": "baseline"}, {"name": "before", "window": "day", "against": "previous"}],
            }
        ],
    }
    (tmp_path / "drift.yml").write_text(json.dumps(body), encoding="utf-8")
    assert not verbs_run.run(str(tmp_path / "drift.yml")).failed
    asked = (
        'SELECT drift_type, "window"."start" AS s, window_cmp."start" AS r, avg_delta, percent_zeros_delta, percent_distinct_delta '
        "FROM drift.m_drift_metrics WHERE column_name = 'amount' ORDER BY 1, 2"
    )
    with duckdb.connect(str(tmp_path / "x.duckdb"), read_only=True) as c:
        found = rows(c, asked)
        assert {r["drift_type"] for r in found} == {"BASELINE", "CONSECUTIVE"} and len(found) >= 12
        for r in found:
            start = "DATE '2025-01-13' - 7" if r["drift_type"] == "BASELINE" else f"DATE '{r['r'].date()}'"
            length = 7 if r["drift_type"] == "BASELINE" else 1
            sides = [
                rows(c, f"{TABLE.replace('AS mean', 'AS mean, 100.0 * COUNT(DISTINCT amount) / COUNT(*) AS distinct_share')} WHERE ts >= {day} AND ts < {day} + {n}")[0]
                for day, n in ((f"DATE '{r['s'].date()}'", 1), (start, length))
            ]
            for got, of in (("avg_delta", "mean"), ("percent_zeros_delta", "zeros"), ("percent_distinct_delta", "distinct_share")):
                assert r[got] == pytest.approx(sides[0][of] - sides[1][of], rel=1e-9, abs=1e-9), (got, r)
