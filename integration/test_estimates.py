"""What a statement would read, by every engine's own estimate, and what an engine that cannot tell says."""

from __future__ import annotations

import pytest

from integration.engines import Engine
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
    if engine_name == "bigquery":
        pytest.skip("the emulator does not look at the names of a dry run") if found.known else None
    assert not found.known and found.reason and found.rows is None


