"""What a run would read, and the budget that refuses it before anything is read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.command import command
from tests.run.conftest import World, assert_same, day, rows_of
from warehouse_drift import verbs_run
from warehouse_drift.config.values import size
from warehouse_drift.sql.ddl import create_scratch
from warehouse_drift.sql.dialect import load_dialect
from warehouse_drift.verbs_estimate import estimated_plan, human, reads_source, select_of
from warehouse_drift.warehouse.estimate import READERS, Estimate, total
from warehouse_drift.warehouse.execute import Warehouse


@pytest.mark.parametrize("on_exceed", ["refuse", "warn"])
def test_a_budget_of_rows(world: World, monkeypatch: pytest.MonkeyPatch, on_exceed: str) -> None:
    """Refused: exit 2, one sentence, and no statement that reads the source was executed. Warned of: the run is whole."""
    sent: list[str] = []
    running = Warehouse._running

    def noted(self: Warehouse, sql: str, name: str) -> object:
        found = running(self, sql, name)
        if reads_source(name):
            sent.append(name)
        return found

    monkeypatch.setattr(Warehouse, "_running", noted)
    world.configure(budget={"rows": 1000, "on_exceed": on_exceed})
    done = command(world.folder, "run")
    assert ("1,000 rows" in done.stdout) and "drift.yml:" in done.stdout and "estimated" in done.stdout, done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    if on_exceed == "refuse":
        assert done.returncode == 2 and "FAILED" in done.stdout and "on_exceed: warn" in done.stdout
        # what the plan itself had to ask: once each, and far below the budget
        assert sent == ["newest row", "rows without a usable time"]
        assert not world.history()
    else:
        assert done.returncode != 2 and world.history() and "profile/numeric_cells" in sent


def test_a_budget_that_is_kept_changes_nothing(world: World) -> None:
    world.configure()
    assert verbs_run.run(world.yml).monitors[0].windows
    plain = world.views()
    fresh = World(world.folder / "again")
    fresh.insert(rows_of(range(22)))
    fresh.configure(budget={"rows": 10**9})
    done = fresh.run()
    assert not [line for line in done.lines if "budget" in line]
    assert_same(fresh.views(), plain)


def test_a_statement_that_only_the_data_calls_for_is_met_when_it_comes(world: World) -> None:
    """The plan is within the budget, the refinement after it is not: the run stops before that statement."""
    world.configure(precision="exact")
    known = estimated_plan(world.yml)[1][0][0]
    world.configure(precision="exact", budget={"rows": 2 * (known.total.rows or 0)})
    done = verbs_run.run(world.yml)
    assert "stopped before metrics/" in done.monitors[0].failed, done.monitors[0].failed
    counts = [r["n"] for r in world.q("SELECT COUNT(*) AS n FROM {s}.drift_history GROUP BY window_start")]
    assert len(counts) < 7 and len(set(counts)) == 1, "a window is published as a whole or not at all"
    assert world.q("SELECT COUNT(*) AS n FROM {s}.profile_history")[0]["n"] > 0


def test_bytes_where_the_engine_tells_none(world: World) -> None:
    world.configure(budget={"bytes": "5 GB"})
    failed = verbs_run.run(world.yml).monitors[0].failed
    assert "tells no bytes beforehand" in failed and "Set the budget in rows" in failed


def test_plan_estimates(world: World) -> None:
    """Every scan of the plan once, in order; the sum is theirs; nothing is written. Without a filter the estimate of the
    engine is the table's size, with one it is the engine's guess, at most that."""
    rows = world.sql("SELECT COUNT(*) FROM t")[0][0]
    world.configure(budget={"rows": 7, "on_exceed": "warn"})
    done = command(world.folder, "plan", "--estimate", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)["estimates"][0]
    assert found["budget"] == {"bytes": None, "rows": 7, "on_exceed": "warn"}
    names = [s["template"] for s in found["statements"]]
    assert names[0] == "profile/row_count" and names.count("profile/bucket_rows") == 2, names
    assert found["total"]["rows"] == sum(s["rows"] or 0 for s in found["statements"])
    assert all(0 < s["rows"] <= 4 * rows for s in found["statements"] if not s["reason"])
    text = command(world.folder, "plan", "--estimate").stdout
    assert f"together: {found['total']['rows']:,} rows" in text and "budget: 7 rows (warn above it)" in text
    assert world.sql("SELECT COUNT(*) FROM duckdb_tables()")[0][0] == 1


def test_a_second_run_is_cheaper(world: World) -> None:
    first = estimated_plan(world.yml)[1][0][0].total.rows
    world.run()
    world.insert(rows_of([22]))
    second = estimated_plan(world.yml)[1][0][0]
    assert {s.step for s in second.statements} == {f"profiling 1 bucket(s) from {day(21):%Y-%m-%d}"}
    assert first and second.total.rows and second.total.rows < first / 2


@pytest.mark.parametrize("name", ["duckdb", "postgres", "spark", "bigquery", "snowflake", "clickhouse", "redshift", "trino", "databricks"])
def test_the_select_of_a_scratch_table(name: str) -> None:
    dialect = load_dialect(name)
    select = "SELECT 1 AS a,\n  'x AS SELECT' AS b"
    assert select_of(create_scratch("wd_scratch_0_x", select, dialect), dialect) == select
    assert select_of(select, dialect) == select
    assert dialect.estimate["reader"] in READERS and "{select}" in dialect.estimate["statement"]


def test_readers_on_the_vendors_documented_answers() -> None:
    """Answers of engines that cannot be had here, shaped as in their vendors' pages."""
    snowflake = {"GlobalStats": {"partitionsTotal": 2, "partitionsAssigned": 2, "bytesAssigned": 1024}, "Operations": [[]]}
    assert READERS["global_stats"]([{"content": json.dumps(snowflake)}]) == Estimate(bytes=1024)
    redshift = [
        {"QUERY PLAN": "XN HashAggregate  (cost=131.97..133.41 rows=576 width=17)"},
        {"QUERY PLAN": "  ->  XN Seq Scan on event  (cost=0.00..87.98 rows=8798 width=17)"},
    ]
    assert READERS["costed_text"](redshift) == Estimate(8798 * 17, 8798, 133.41)
    trino = {"inputTableColumnInfos": [{"table": {}, "estimate": {"outputRowCount": 10.0, "outputSizeInBytes": 90.0}}]}
    assert READERS["inputs"]([{"plan": json.dumps(trino)}]) == Estimate(90, 10)
    trino["inputTableColumnInfos"][0]["estimate"]["outputRowCount"] = "NaN"
    assert READERS["inputs"]([{"plan": json.dumps(trino)}]).reason
    parallel = {
        "Node Type": "Gather", "Workers Planned": 2, "Total Cost": 12.5,
        "Plans": [{"Node Type": "Seq Scan", "Relation Name": "t", "Parallel Aware": True, "Plan Rows": 100, "Plan Width": 8, "Total Cost": 1}],
    }  # fmt: skip
    assert READERS["costed_plan"]([{"QUERY PLAN": [{"Plan": parallel}]}]) == Estimate(1920, 240, 12.5)
    spark = (
        "== Optimized Logical Plan ==\nAggregate [sum(x)], Statistics(sizeInBytes=16.0 B, rowCount=1)\n"
        "+- Relation [x#1] parquet, Statistics(sizeInBytes=1.5 KiB)\n\n== Physical Plan ==\nRelation x, Statistics(sizeInBytes=9.0 B)"
    )
    assert READERS["sized_text"]([{"plan": spark}]) == Estimate(bytes=1536)
    assert READERS["sized_text"]([{"plan": spark.replace("1.5 KiB", "8.0 EiB")}]).reason


def test_sums_and_sizes() -> None:
    assert total([Estimate(bytes=3), Estimate(rows=4, bytes=1), Estimate(reason="no")]) == Estimate(4, 4)
    assert total([Estimate(reason="no")]) == Estimate(reason="no")
    assert [size(t) for t in ("50 GB", "1.5 KiB", "7 B", 12)] == [50_000_000_000, 1536, 7, 12]
    assert [human(n) for n in (7, 1536, 50_000_000_000)] == ["7 B", "1.5 kB", "50.0 GB"]
    with pytest.raises(ValueError, match="not a size"):
        size("50 pounds")


def test_no_budget_no_question(world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without a budget nothing is asked of the engine, and without --estimate neither."""
    asked: list[str] = []
    fetch = Warehouse.fetch
    monkeypatch.setattr(Warehouse, "fetch", lambda self, sql, **k: (asked.append(k["name"]), fetch(self, sql, **k))[1])
    world.run()
    command(world.folder, "plan")
    assert asked and not [a for a in asked if a.startswith("estimate")]
