"""The time filter of a profile lets the warehouse skip partitions: it compares the bare column with literals of its type."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest
import sqlglot
from markupsafe import Markup
from sqlglot import exp

from integration.engines import Engine
from warehouse_drift.config.resolved import TimestampSpec
from warehouse_drift.plan.clock import range_sql
from warehouse_drift.sql.dialect import load_dialect
from warehouse_drift.sql.environment import identifier
from warehouse_drift.sql.render import render
from warehouse_drift.warehouse.connect import open_warehouse

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
