"""What a statement would read, by every engine's own estimate, and what an engine that cannot tell says."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from integration.cases import days
from integration.engines import Engine
from integration.test_run import BASE, table_of, written
from warehouse_drift import verbs_run
from warehouse_drift.sql.dialect import load_dialect
from warehouse_drift.verbs_estimate import estimated_plan
from warehouse_drift.warehouse.connect import open_warehouse
from warehouse_drift.warehouse.estimate import Estimate, estimate

ROWS = 5_000
TOLD = {
    "duckdb": ("rows",), "postgres": ("rows", "bytes", "cost"), "clickhouse": ("rows",), "spark": ("bytes",), "bigquery": ("bytes",),
    "snowflake": (),
}  # fmt: skip
"""What each engine tells. Snowflake's emulator has no EXPLAIN, so its reader is tested on the vendor's documented answer."""


def asked(engine: Engine, select: str) -> Estimate:
    with open_warehouse(engine.url, connect_args=engine.connect_args) as warehouse:
        if engine.name == "postgres":
            warehouse.execute("ANALYZE measured", name="statistics of the table")
        return estimate(warehouse, select, name="test")


def test_a_scan_is_estimated(engine_name: str, engine: Engine) -> None:
    """Twice the scan, twice the estimate; and where the engine counts rows without a filter, exactly the table's."""
    engine.load({"measured": {"x": [float(i) for i in range(ROWS)], "k": [i % 7 for i in range(ROWS)]}})
    once = f"SELECT SUM(x) AS s FROM {engine.place}measured"
    one, two = asked(engine, once), asked(engine, f"{once} UNION ALL SELECT SUM(k) AS s FROM {engine.place}measured")
    if not TOLD[engine_name]:
        assert not one.known and one.reason
        return
    assert one.known, one.reason
    told = {n for n in ("rows", "bytes", "cost") if getattr(one, n) is not None}
    assert set(TOLD[engine_name]) <= told
    if "rows" in told:
        assert (one.rows, two.rows) == (ROWS, 2 * ROWS)
    if "bytes" in told and engine_name != "bigquery":  # its emulator takes the dry run and answers 0 bytes
        assert one.bytes and two.bytes and one.bytes <= two.bytes <= 2 * one.bytes


def test_what_the_engine_refuses_is_a_reason(engine_name: str, engine: Engine) -> None:
    engine.load({"measured": {"x": [1.0]}})
    found = asked(engine, f"SELECT nothing_like_this FROM {engine.place}measured")
    if engine_name == "bigquery" and found.known:
        pytest.skip("the emulator does not look at the names of a dry run")
    assert not found.known and found.reason and found.rows is None




@pytest.mark.slow
@pytest.mark.xdist_group("bigquery")
def test_bigquery_jobs_bear_labels_and_a_cap(engines: Callable[[str], Engine]) -> None:
    """What goes with a job and not as SQL: its labels name project, monitor and run; maximum_bytes_billed is the budget."""
    from google.cloud.bigquery import QueryJobConfig

    engine = engines("bigquery")
    with open_warehouse(engine.url) as warehouse:
        client = warehouse.connection.connection.dbapi_connection._client
        warehouse.labelled(project="Shop", monitor="Fraud scores", run_id="20250301T1-ab")
        warehouse.set(warehouse.dialect.statements["cap"].format(bytes=50_000_000_000), name="cap")
        config: QueryJobConfig = client.default_query_job_config
        assert config.labels == {"project": "shop", "monitor": "fraud_scores", "run": "20250301t1-ab"}
        assert config.maximum_bytes_billed == 50_000_000_000
        job = client.query("SELECT 1 AS a")
        assert (job.labels, job.maximum_bytes_billed) == (config.labels, 50_000_000_000), "the jobs have them"
        assert [c.key for c in config.connection_properties] == ["session_id"], "and stay in the session"
        warehouse.set(warehouse.dialect.statements["cap"].format(bytes=0), name="cap")
        assert client.default_query_job_config.maximum_bytes_billed is None
        assert warehouse.fetch("SELECT 7 AS a", name="after") == [{"a": 7}]


def test_labels_are_what_bigquery_takes() -> None:
    from warehouse_drift.warehouse.bigquery_session import labels_of

    found = labels_of(f"warehouse_drift monitor={'Ä' * 80} run=2025:01")
    assert found == {"monitor": "_" * 63, "run": "2025_01"}


def test_snowflake_has_a_time_limit() -> None:
    """Its emulator does not know the setting."""
    shape = load_dialect("snowflake").statements["timeout"]
    assert shape.format(seconds=60, milliseconds=60_000) == "ALTER SESSION SET STATEMENT_TIMEOUT_IN_SECONDS = 60"


@pytest.mark.xdist_group("postgres")
def test_a_budget_of_bytes_on_postgres(engines: Callable[[str], Engine], tmp_path: Path) -> None:
    """Refused before a row is read, by the planner's own numbers; with a tenth more than these the plan is let through."""
    engine = engines("postgres")
    engine.load({"dear": table_of(engine, days(0, BASE + 1))})
    with open_warehouse(engine.url) as warehouse:
        warehouse.execute("ANALYZE dear", name="statistics of the table")
    yml = Path(written(tmp_path, engine, "dear"))
    known = estimated_plan(str(yml))[1][0][0]
    assert {s.name for s in known.statements} >= {"profile/numeric_cells", "profile/categorical_cells", "profile/bucket_rows"}
    assert known.total.bytes and known.total.rows and known.total.cost
    body = json.loads(yml.read_text())
    body["monitors"][0]["budget"] = {"bytes": known.total.bytes // 2}
    yml.write_text(json.dumps(body))
    (done,) = verbs_run.run(str(yml)).monitors
    assert "its run would read an estimated" in done.failed and "nothing was read" in done.failed
    body["monitors"][0]["budget"] = {"bytes": known.total.bytes * 2}
    yml.write_text(json.dumps(body))
    (done,) = verbs_run.run(str(yml)).monitors
    assert not done.failed and done.units
    with open_warehouse(engine.url) as warehouse:
        warehouse.execute("DROP SCHEMA res_dear CASCADE", name="drop")
