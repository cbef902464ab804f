"""The tests of the result schema (tests/results), on the servers that speak their SQL (DuckDB has them there): publishing, views, incidents, the series,
vacuum, and values that survive the way through literals."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from integration.engines import Engine
from tests.results import test_alerts, test_publish, test_series, test_vacuum, test_write
from tests.results.conftest import SCHEMA, Results
from warehouse_drift.results import migrate
from warehouse_drift.results.tables import TABLES
from warehouse_drift.warehouse.connect import open_warehouse
from warehouse_drift.warehouse.execute import Warehouse

pytestmark = pytest.mark.slow
ELSEWHERE = {"test_a_filter_reaches_the_tables": "reads the plan of one engine"}

for _module in (test_alerts, test_publish, test_series, test_vacuum, test_write):
    globals().update({k: v for k, v in vars(_module).items() if k.startswith("test_") and k not in ELSEWHERE})


@pytest.fixture(scope="module")
def warehouse(engine_name: str, engines: Callable[[str], Engine]) -> Iterator[Warehouse]:
    """The schema is made once: none of these tests changes it."""
    engine = engines(engine_name)
    with open_warehouse(engine.url, connect_args=engine.connect_args) as wh:
        if wh.fetch(f"SELECT 1 AS found FROM information_schema.schemata WHERE schema_name = '{SCHEMA}'", name="test"):
            wh.execute(f"DROP SCHEMA {SCHEMA} CASCADE", name="test")
        migrate.create_all(wh, SCHEMA)
        yield wh


@pytest.fixture
def results(warehouse: Warehouse) -> Iterator[Results]:
    rows = [t.name for t in TABLES if t.name != "wd_migrations"]
    warehouse.execute(f"TRUNCATE {', '.join(f'{SCHEMA}.{name}' for name in rows)}", name="test")
    dialect = warehouse.dialect  # some tests change how rows are appended
    yield Results(warehouse)
    warehouse.dialect = dialect
