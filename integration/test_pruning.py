"""The time filter of a profile lets the warehouse skip partitions: it compares the bare column with literals of its type."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
import sqlglot
from markupsafe import Markup
from sqlglot import exp

from integration.engines import Engine
from warehouse_drift.config.resolved import (
    BaselineSpec,
    ComparisonSpec,
    DatasetRule,
    Kind,
    Relation,
    ResolvedColumn,
    ResolvedMonitor,
    Role,
    SegmentSpec,
    SourceColumn,
    Threshold,
    TimestampSpec,
)
from warehouse_drift.grid.fit import pilot_grid
from warehouse_drift.pipeline.columns import measure
from warehouse_drift.pipeline.facts import gather
from warehouse_drift.pipeline.run import run_monitor
from warehouse_drift.plan.build import build
from warehouse_drift.plan.clock import range_sql
from warehouse_drift.plan.model import Asked
from warehouse_drift.sql.dialect import load_dialect
from warehouse_drift.sql.environment import identifier
from warehouse_drift.sql.expressions import relation
from warehouse_drift.sql.render import render
from warehouse_drift.verbs_compile import placeholder_answers
from warehouse_drift.warehouse import introspect
from warehouse_drift.warehouse.connect import open_warehouse
from warehouse_drift.warehouse.record import Recorded, Recorder

START, END = datetime(2026, 1, 2), datetime(2026, 1, 3)


def profile(spec: TimestampSpec, relation: str, dialect: str) -> str:
    filters = range_sql(spec, Markup("src.") + identifier(spec.column), START, END)
    columns = [{"number": 0, "x": Markup("src.") + identifier("x")}]
    params = {"source": identifier(relation), "filter": filters, "bucket": None, "segment": None, "columns": columns}
    return render("profile/bucket_rows", params, load_dialect(dialect)).sql


@pytest.mark.xdist_group("postgres")
@pytest.mark.parametrize(
    ("sql_type", "family"), [("TIMESTAMP", "timestamp"), ("TIMESTAMPTZ", "timestamptz"), ("DATE", "date")]
)
def test_postgres_skips_partitions(sql_type: str, family: str, engines: Callable[[str], Engine]) -> None:
    engine = engines("postgres")
    spec = TimestampSpec("ts", family)
    with open_warehouse(engine.url) as warehouse:
        warehouse.execute("DROP TABLE IF EXISTS by_day", name="drop")
        warehouse.execute(
            f"CREATE TABLE by_day (x DOUBLE PRECISION, ts {sql_type}) PARTITION BY RANGE (ts)", name="table"
        )
        for day in range(1, 5):
            ends = [f"'2026-01-0{d} 00:00:00{'+00' if family == 'timestamptz' else ''}'" for d in (day, day + 1)]
            text = f"CREATE TABLE by_day_{day} PARTITION OF by_day FOR VALUES FROM ({ends[0]}) TO ({ends[1]})"
            warehouse.execute(text, name="partition")
        lines = warehouse.fetch("EXPLAIN " + profile(spec, "by_day", "postgres"), name="plan")
        warehouse.execute("DROP TABLE by_day", name="drop")
    shown = "\n".join(str(next(iter(r.values()))) for r in lines)
    assert "by_day_2" in shown
    assert not [d for d in (1, 3, 4) if f"by_day_{d}" in shown], shown


@pytest.mark.parametrize("dialect", ["bigquery", "snowflake", "databricks", "trino", "clickhouse"])
def test_the_column_stands_bare(dialect: str) -> None:
    """No function and no cast around the column: those keep partitions from being skipped."""
    known = load_dialect(dialect)
    tree = sqlglot.parse_one(profile(TimestampSpec("ts", "timestamp"), "t", dialect), read=known.sqlglot_name)
    compared = [n for n in tree.find_all(exp.GTE, exp.LT) if any(c.name == "ts" for c in n.find_all(exp.Column))]
    assert len(compared) == 2
    for node in compared:
        assert isinstance(node.this, exp.Column), node.sql()
        assert node.expression.find(exp.Column) is None


def recorded(spec: TimestampSpec, dialect: str) -> list[Recorded]:
    """Every statement of a plan's questions and of a first run. Comparisons read stored profiles only; the second look of
    ``precision: exact`` at the source is not among them."""
    known = load_dialect(dialect)
    columns = (
        SourceColumn("x", "FLOAT64", "float"), SourceColumn("c", "STRING", "text"), SourceColumn("seg", "STRING", "text"),
        SourceColumn("ts", spec.type_family.upper(), spec.type_family),
    )  # fmt: skip
    threshold = {"psi": Threshold(0.1, 0.25)}
    monitor = ResolvedMonitor(
        "p", "m", "m", Relation("d.t"), None, "", (), spec,
        (ResolvedColumn("x", Kind.NUMERIC, Role.FEATURE, "FLOAT64", "float", thresholds=threshold), ResolvedColumn("c", Kind.CATEGORICAL, Role.FEATURE, "STRING", "text", thresholds=threshold)),
        (SegmentSpec("seg"),), BaselineSpec(start=datetime(2025, 1, 1), end=datetime(2025, 2, 1)), (ComparisonSpec("daily", "day"),),
        (), "certified", DatasetRule(), {}, "none", 1.0, None, "hash",
    )  # fmt: skip
    now = datetime(2025, 3, 1)
    micros = int((datetime(2025, 2, 20) - datetime(1970, 1, 1)).total_seconds() * 1e6)
    questions = Recorder(
        known,
        {
            "newest row": lambda _: [{"row_count": 1, "first_us": micros - 60 * 86_400_000_000, "last_us": micros}],
            "rows without a usable time": lambda _: [{"null_rows": 0, "later_rows": 0, "unreadable_rows": 0}],
        },
        now,
    )
    facts = gather(questions, monitor, columns, schema="r", has_state=False, now=now, asked=Asked())
    introspect.columns(questions, relation("d.t", known), "d.t", "ts")
    plan = replace(build(facts, Asked()), comparisons=())
    run = Recorder(known, placeholder_answers(plan, measure(monitor.columns, known, plan.measured)), now)
    run_monitor(run, "r", plan, "run", lambda _: None)
    return [*questions.statements, *run.statements]


def constrains(node: exp.Expression | None) -> bool:
    """Whether a condition holds only where the bare partition column meets constants: one part of an AND, all of an OR."""
    if isinstance(node, exp.Paren):
        return constrains(node.this)
    if isinstance(node, exp.And):
        return constrains(node.left) or constrains(node.right)
    if isinstance(node, exp.Or):
        return constrains(node.left) and constrains(node.right)
    if not isinstance(node, (exp.GTE, exp.GT, exp.LT, exp.LTE, exp.EQ, exp.Is)):
        return False
    return isinstance(node.this, exp.Column) and node.this.name == "ts" and node.expression.find(exp.Column) is None


@pytest.mark.parametrize(
    "spec",
    [TimestampSpec("ts", "timestamptz"), TimestampSpec("ts", "timestamp"), TimestampSpec("ts", "date"), TimestampSpec("ts", "integer", format="yyyymmdd")],
    ids=lambda s: s.type_family,
)
def test_a_table_that_demands_a_partition_filter_can_be_watched(spec: TimestampSpec) -> None:
    """BigQuery's require_partition_filter: each SELECT that reads the table has constants for its partition column."""
    seen = []
    for one in recorded(spec, "bigquery"):
        for table in sqlglot.parse_one(one.sql, read="bigquery").find_all(exp.Table):
            if (table.db, table.name) != ("d", "t"):
                continue
            seen.append(one.name)
            where = table.find_ancestor(exp.Select).args.get("where")
            assert where is not None and constrains(where.this), (one.name, one.sql)
    expected = {
        "newest row", "rows without a usable time", "columns of d.t", "profile/segment_values", "profile/row_count", "grid/range",
        "grid/sample", "profile/numeric_cells", "profile/categorical_cells", "profile/bucket_rows",
    }  # fmt: skip
    assert expected <= set(seen)


@pytest.mark.slow
@pytest.mark.xdist_group("spark")
def test_spark_reads_the_partitions_of_the_day_alone(engines: Callable[[str], Engine], tmp_path: Path) -> None:
    """Parquet in one folder a day: the plans of a daily run's scans name the day's partition; jobs bear the monitor's name."""
    engine = engines("spark")
    spec = TimestampSpec("ts", "date")
    with open_warehouse(engine.url, connect_args=engine.connect_args) as warehouse:
        warehouse.labelled(project="p", run_id="r", monitor="m")
        from pyspark.sql import SparkSession

        session = SparkSession.getActiveSession()
        assert session is not None
        assert session.sparkContext.getLocalProperty("spark.job.description") == "warehouse_drift project=p monitor=m run=r"
        warehouse.execute(
            f"CREATE TABLE by_day USING PARQUET PARTITIONED BY (ts) LOCATION '{tmp_path}/by_day' AS"
            " SELECT CAST(id AS DOUBLE) AS x, DATE_ADD(DATE '2026-01-01', CAST(id % 5 AS INT)) AS ts FROM RANGE(50)",
            name="table",
        )
        try:
            filters = range_sql(spec, Markup("src.") + identifier("ts"), START, END)
            grid = pilot_grid(0.0, 50.0, 10)
            where = {"source": identifier("by_day"), "filter": filters, "bucket": None, "segment": None}
            x = Markup("src.") + identifier("x")
            scans = [
                render("profile/bucket_rows", where | {"columns": [{"number": 0, "x": x}]}, warehouse.dialect).sql,
                render("profile/numeric_cells", where | {"columns": [{"number": 0, "x": x, "grid": grid, "float": True, "squares": True}]}, warehouse.dialect).sql,
            ]  # fmt: skip
            for sql in scans:
                shown = str(next(iter(warehouse.fetch(f"EXPLAIN FORMATTED {sql}", name="plan")[0].values())))
                found = re.findall(r"PartitionFilters: \[(.*)\]", shown)
                assert found and all("2026-01-02" in f for f in found), shown
        finally:
            warehouse.execute("DROP TABLE by_day", name="drop")
