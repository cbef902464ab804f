"""Each capability shown by itself: where the table says that an engine has none, its test must fail."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from integration.engines import Engine
from warehouse_drift.results import migrate
from warehouse_drift.sql.dialect import load_dialect
from warehouse_drift.warehouse.connect import open_warehouse
from warehouse_drift.warehouse.execute import Warehouse


@pytest.fixture(scope="module")
def opened(engines: Callable[[str], Engine]) -> Iterator[Callable[[str], tuple[Warehouse, str]]]:
    """opened(engine): its warehouse and the place of its tables; one connection an engine."""
    found: dict[str, tuple[Warehouse, str]] = {}

    def get(name: str) -> tuple[Warehouse, str]:
        if name not in found:
            engine = engines(name)
            found[name] = open_warehouse(engine.url, connect_args=engine.connect_args), engine.place
        return found[name]

    yield get
    for warehouse, _ in found.values():
        warehouse.close()


@pytest.mark.needs("row_changes")
def test_rows_of_a_table_change(engine_name: str, opened: Callable[[str], tuple[Warehouse, str]]) -> None:
    warehouse, place = opened(engine_name)
    types = warehouse.dialect.types
    made = warehouse.dialect.statements["create_table"].format(name=f"{place}changed", columns=f"a {types['bigint']}")
    warehouse.execute(made, name="test")
    warehouse.execute(f"INSERT INTO {place}changed SELECT 1 AS a UNION ALL SELECT 2 AS a", name="test")
    warehouse.execute(f"DELETE FROM {place}changed WHERE a = 1", name="test")
    assert [r["a"] for r in warehouse.fetch(f"SELECT a FROM {place}changed", name="test")] == [2]


@pytest.mark.needs("view_columns")
def test_a_view_gets_other_columns(engine_name: str, opened: Callable[[str], tuple[Warehouse, str]]) -> None:
    warehouse, place = opened(engine_name)
    shape = warehouse.dialect.statements["create_view"]
    for select in ("SELECT 1 AS a", "SELECT 'x' AS b, 2 AS a"):
        warehouse.execute(shape.format(name=f"{place}remade", select=select), name="test")
    assert warehouse.fetch(f"SELECT a, b FROM {place}remade", name="test") == [{"a": 2, "b": "x"}]


@pytest.mark.needs("view_comments")
def test_views_are_described(engine_name: str) -> None:
    """The script for a DBA says what each public view is."""
    assert "latest" in "".join(s for s in migrate.ddl(load_dialect(engine_name), "drift", []).split(";") if "COMMENT ON VIEW" in s)


@pytest.mark.needs("structs")
def test_the_drop_in_view_has_structs(engine_name: str) -> None:
    text = migrate.ddl(load_dialect(engine_name), "drift", [])
    assert "AS ks_test," in text and "AS ks_test_pvalue" not in text
