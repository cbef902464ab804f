from __future__ import annotations

from datetime import date, datetime

from warehouse_drift.config.init import ColumnStats, propose
from warehouse_drift.config.resolve import resolve_monitor
from warehouse_drift.config.resolved import Kind, Role, SourceColumn

COLUMNS = (
    SourceColumn("order_id", "BIGINT", "integer"),
    SourceColumn("created_at", "TIMESTAMP", "timestamp"),
    SourceColumn("amount", "DOUBLE", "float"),
    SourceColumn("email", "VARCHAR", "text"),
    SourceColumn("country", "VARCHAR", "text"),
    SourceColumn("is_new", "INTEGER", "integer"),
    SourceColumn("fraud_score", "DOUBLE", "float"),
    SourceColumn('select"; drop table x; --', "VARCHAR", "text"),
    SourceColumn("no", "VARCHAR", "text"),
    SourceColumn("${HOME}", "DOUBLE", "float"),
    SourceColumn("items", "STRUCT(a INTEGER)", "nested"),
)
STATS = {
    "created_at": ColumnStats(10_000, 10_000, 0, datetime(2025, 1, 1), datetime(2025, 6, 29)),
    "amount": ColumnStats(10_000, 500, 100, 0, 99.5),
    "email": ColumnStats(10_000, 9_000, 0),
    "country": ColumnStats(10_000, 5, 0),
    "is_new": ColumnStats(10_000, 2, 0, 0, 1),
}


def test_a_proposal_loads_and_resolves(load):
    text = propose(COLUMNS, STATS, relation="shop.orders", url="postgresql://me:${PGPASSWORD}@h/shop")
    config = load(text, env={"PGPASSWORD": "x"})
    monitor, problems = resolve_monitor(config, config.monitors[0], COLUMNS)
    assert problems == []
    columns = {c.name: c for c in monitor.columns}
    assert monitor.timestamp.column == "created_at"
    assert columns["order_id"].role is Role.IDENTIFIER
    assert columns["fraud_score"].role is Role.SCORE
    assert columns["is_new"].kind is Kind.BOOLEAN
    assert not columns["email"].store_values
    assert 'select"; drop table x; --' in columns and "no" in columns and "${HOME}" in columns
    assert "items" not in columns
    assert [s.column for s in monitor.segments] == ["country"]
    assert monitor.baseline.start.date() == date(2025, 1, 1) and monitor.baseline.end.date() == date(2025, 3, 2)


def test_every_guess_is_explained():
    lines = propose(COLUMNS, STATS).splitlines()
    for part in ("order_id", "created_at", "email", "is_new", "fraud_score", "from:"):
        line = next(x for x in lines if part in x)
        assert "#" in line and len(line.split("#")[1]) > 5, line
    assert any("likely personal data" in x for x in lines)
    assert any("1.0% nulls" in x for x in lines)


def test_without_time_and_statistics(load):
    config = load(propose((SourceColumn("a", "DOUBLE", "float"),), relation="t"))
    assert config.monitors[0].timestamp is None
    assert config.monitors[0].baseline.relation == "t"
    assert "CHANGE THIS" in propose((SourceColumn("a", "DOUBLE", "float"),), relation="t")
