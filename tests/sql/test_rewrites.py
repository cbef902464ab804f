"""Rewrites that a dialect asks for, on the smallest statement that needs them."""

from __future__ import annotations

import pytest

from warehouse_drift.sql.dialect import load_dialect
from warehouse_drift.sql.transpile import transpile


@pytest.mark.parametrize(
    ("sql", "wanted"),
    [
        ("SELECT SUM(x) AS s, MIN(x) AS a FROM t", "SELECT sumOrNull(x) AS s, minOrNull(x) AS a FROM t"),
        ("SELECT k, SUM(x) AS s FROM t GROUP BY k", "SELECT k, SUM(x) AS s FROM t GROUP BY k"),
        (
            "SELECT k, SUM(SUM(x)) OVER (PARTITION BY k) AS s FROM t GROUP BY k",
            "SELECT k, sumOrNull(SUM(x)) OVER (PARTITION BY k) AS s FROM t GROUP BY k",
        ),
        (
            "SELECT MAX(s) AS m FROM (SELECT k, AVG(x) AS s FROM t GROUP BY k) AS g",
            "SELECT maxOrNull(s) AS m FROM ( SELECT k, AVG(x) AS s FROM t GROUP BY k ) AS g",
        ),
    ],
)
def test_aggregates_that_may_have_no_rows_end_in_or_null(sql: str, wanted: str) -> None:
    assert " ".join(transpile(sql, load_dialect("clickhouse")).split()) == wanted


def test_plain_numbers_stay_the_numbers_they_are() -> None:
    sql = "SELECT PLAIN(CASE WHEN x < CAST('-1e+300' AS DOUBLE) THEN -3 WHEN x = CAST('-infinity' AS DOUBLE) THEN 7 ELSE x - CAST('-0.5' AS DOUBLE) END) AS c FROM t"
    found = " ".join(transpile(sql, load_dialect("clickhouse")).split())
    assert "WHEN x < -1e+300 THEN -3.0 WHEN x = toFloat64('-infinity') THEN 7.0 ELSE x - -0.5 END" in found
