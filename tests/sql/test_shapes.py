"""Statements of one shape are translated once, whatever the numbers in them."""

from __future__ import annotations

import pytest

from warehouse_drift.sql.dialect import load_dialect
from warehouse_drift.sql.transpile import _shape, transpile


@pytest.mark.parametrize("name", ["snowflake", "trino", "clickhouse"])
def test_columns_that_differ_by_their_number_are_one_shape(name: str) -> None:
    dialect = load_dialect(name)
    sql = "SELECT MAX(s.c{0}) AS low_{0}, SUM(LOG2(c{0})) AS c12 FROM t{0} AS s WHERE s.c{0} > CAST('1.e{0}' AS DOUBLE) AND s.k <> 'c{0}'"
    first = transpile(sql.format(217), dialect)
    before = _shape.cache_info()
    second = transpile(sql.format(218), dialect)
    assert second == first.replace("217", "218")
    assert _shape.cache_info().misses == before.misses + 1  # the text 'c217' is no name: it stays in the shape
    assert "s.c217" in first and "t217" in first and "'c217'" in first and "AS c12" in first
    assert "98765" not in first and first.count("217") == 7
    numbers = sql.replace(" AND s.k <> 'c{0}'", "")
    transpile(numbers.format(217), dialect)
    before = _shape.cache_info()
    transpile(numbers.format(4711), dialect)
    assert _shape.cache_info().misses == before.misses
