"""The SQL of the how-to pages runs and answers what it says; the drop-in shapes hold the numbers of drift_history."""

from __future__ import annotations

import re

import duckdb
import pytest

from tests.reports.reading import rows
from warehouse_drift.resources import root

PAGES = {name: (root() / "docs" / "how-to" / f"{name}.md").read_text() for name in ("ten-questions", "move-from-another-tool")}
BLOCKS = {
    name: [b.replace("drift.scores_", "drift.m_").replace("'scores'", "'m'") for b in re.findall(r"```sql\n(.*?)```", text, re.DOTALL)]
    for name, text in PAGES.items()
}
"""The pages call the monitor scores, here it is m."""
AMOUNT = "segment = 'all' AND column_name = 'amount'"


def block(page: str, part: str) -> str:
    """The one statement of a page that holds a text."""
    (found,) = [b for b in BLOCKS[page] if part in b]
    return found


def test_there_are_ten_questions() -> None:
    assert len(BLOCKS["ten-questions"]) == 10 == len(re.findall(r"^## \d+\.", PAGES["ten-questions"], re.MULTILINE))


@pytest.mark.parametrize("sql", [s for b in BLOCKS.values() for s in b if not s.startswith("CREATE")])
def test_every_statement_runs_and_finds_something(db: duckdb.DuckDBPyConnection, sql: str) -> None:
    found = rows(db, sql)
    empty_is_right = "percent_null_delta > 0" in sql  # nothing is missing
    assert bool(found) is not empty_is_right


def test_the_answers(db: duckdb.DuckDBPyConnection) -> None:
    ask = BLOCKS["ten-questions"]
    assert {r["column_name"] for r in rows(db, ask[0])} == {"amount"}
    assert {(r["column_name"], str(r["opened_date"]), r["state"]) for r in rows(db, ask[1])} >= {("amount", "2025-02-17", "open")}
    bins = rows(db, ask[2])
    assert sum(b["part_of_all"] for b in bins) == pytest.approx(1) and bins[0]["share_current"] > bins[0]["share_reference"]
    assert {r["segment"] for r in rows(db, ask[3])} == {"all", "place=<img src=x>", "place=plain"}
    assert [r["decision"] for r in rows(db, ask[4])] == ["ok", "ok", "alert"]
    assert all(r["times_usual"] == pytest.approx(1, rel=0.05) for r in rows(db, ask[5]) if r["row_count"] == 144)
    days = rows(db, ask[8])
    assert [(d["calendar_day"], d["weekday"], d["decision"], d["alert_columns"]) for d in days] == [(3, 1, "none", 0), (10, 1, "none", 0), (17, 1, "alert", 1)]
    assert [(r["reason_code"], r["columns_hit"]) for r in rows(db, ask[7])] == [("constant_reference", 1)]
    (status,) = rows(db, ask[9])
    assert status["last_run_state"] == "finished" and status["decided"] > 0


def test_databricks_shape(db: duckdb.DuckDBPyConnection) -> None:
    found = rows(db, block("move-from-another-tool", "ks_test.statistic"))
    history = {
        (str(r["window_start"]), r["statistic"]): r
        for r in rows(db, f"SELECT * FROM drift.drift_history WHERE {AMOUNT} AND statistic IN ('ks', 'psi')")
    }
    assert len(found) == 3
    for r in found:
        ks, psi = history[str(r["window_start"]), "ks"], history[str(r["window_start"]), "psi"]
        assert (r["statistic"], r["pvalue"], r["population_stability_index"]) == (ks["value"], ks["p_value"], psi["value"])
    (one,) = rows(db, "SELECT * FROM drift.databricks_drift_metrics WHERE column_name = 'amount' AND slice_value = 'plain' AND \"window\".\"start\" = TIMESTAMP '2025-02-17'")
    assert one["slice_key"] == "place" and one["window_cmp"]["start"].isoformat() == "2025-01-06T00:00:00"
    assert one["count_delta"] == 504 - 2016 and one["monitor_version"] == 1 and one["data_type"].upper().startswith("D")
    profile = rows(db, block("move-from-another-tool", "log_type"))
    raw = rows(db, "SELECT CAST(ts AS DATE) AS day, COUNT(*) AS n, AVG(amount) AS mean FROM t GROUP BY 1 ORDER BY 1")
    assert len(profile) >= 48
    by_day = {r["day"]: r for r in raw}
    for p in profile:
        day = by_day[p["window_start"].date()]
        assert p["count"] == day["n"] and p["avg"] == pytest.approx(day["mean"]) and p["percent_null"] == 0
        assert len(p["quantiles"]) == 5 and p["quantiles"] == sorted(p["quantiles"]) and p["quantiles"][2] == p["median"]


def test_bigquery_shape(db: duckdb.DuckDBPyConnection) -> None:
    assert rows(db, block("move-from-another-tool", "ARRAY_AGG")) == [{"anomalies": ["amount"]}]
    every = rows(db, block("move-from-another-tool", "SELECT * FROM drift.bigquery_drift"))
    assert list(every[0])[:5] == ["input", "metric", "threshold", "value", "is_anomaly"]
    assert [r["input"] for r in every if r["is_anomaly"] and r["metric"] == "PSI"] == ["amount"]
    assert all(r["is_anomaly"] is (r["value"] > r["threshold"]) for r in every if r["metric"] == "PSI")


def test_snowflake_shape(db: duckdb.DuckDBPyConnection) -> None:
    found = rows(db, block("move-from-another-tool", "snowflake_drift_metric"))
    psi = rows(db, f"SELECT window_start, value FROM drift.drift_history WHERE {AMOUNT} AND statistic = 'psi' AND window_start >= '2025-02-01' ORDER BY 1")
    assert [(r["event_timestamp"], r["metric_value"]) for r in found] == [(r["window_start"], r["value"]) for r in psi]
    assert all((r["count_used"], r["count_unused"]) == (4032 + 1008, 0) for r in found)


def test_wide_and_long_agree(db: duckdb.DuckDBPyConnection) -> None:
    wide = rows(db, "SELECT * FROM drift.drift_wide")
    long = rows(db, "SELECT * FROM drift.drift_history")
    of = {(r["window_start"], r["segment"], r["column_name"], r["statistic"]): r["value"] for r in long}
    assert len(wide) == len({key[:3] for key in of}) > 12
    for r in wide:
        for statistic in ("psi", "ks", "missing_rate_change", "unseen_rate", "row_count"):
            assert r[statistic] == of.get((r["window_start"], r["segment"], r["column_name"], statistic))
    worst = {"alert": 3, "warn": 2, "none": 1, "ok": 0, "not_judged": -1}
    for r in wide:
        same = [worst[x["decision"]] for x in long if (x["window_start"], x["segment"], x["column_name"]) == (r["window_start"], r["segment"], r["column_name"])]
        assert worst[r["decision"]] == max(same)
