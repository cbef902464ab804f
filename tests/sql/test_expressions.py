"""SQL that users write: one expression, one table or one SELECT, in their warehouse's own grammar."""

from __future__ import annotations

import duckdb
import pytest
import sqlglot
from markupsafe import Markup
from sqlglot import exp

from warehouse_drift.errors import DialectError, UsageError
from warehouse_drift.sql.dialect import load_dialect
from warehouse_drift.sql.environment import identifier, text_literal
from warehouse_drift.sql.expressions import expression, is_query, relation
from warehouse_drift.sql.transpile import transpile

DUCKDB, POSTGRES = load_dialect("duckdb"), load_dialect("postgres")
BOTH = pytest.mark.parametrize("dialect", [DUCKDB, POSTGRES], ids=lambda d: d.name)


@BOTH
@pytest.mark.parametrize(
    "text",
    [
        "1 = 1; DROP TABLE t",
        "a = 1) OR (1 = 1",
        "a = 1) --",
        "SUM(x) > 1",
        "ROW_NUMBER() OVER () = 1",
        "a = 1 ORDER BY 1",
        "",
        "  ",
        "-- nothing",
        "*",
        "t.*",
        "COUNT(*)",
        "COLUMNS(*)",
        "a = ?",
        "a = :name",
        "a = $1",
        "a IN (SELECT x FROM t WHERE y = ?)",
        "a AS b",
        "a, b",
        "SELECT 1",
        "a :=",
        "a := 1",
        "'open",
        "a = (WITH d AS (DELETE FROM t RETURNING *) SELECT 1 FROM d)",
        "WD_USER_SQL('1')",
        "where a = 1",
    ],
)
def test_no_expression(text: str, dialect: object) -> None:
    with pytest.raises(UsageError, match=r"where .* is not one SQL expression") as caught:
        expression(text, dialect, "where")  # type: ignore[arg-type]
    assert "\x1b" not in str(caught.value) and len(str(caught.value)) < 300


def test_expressions() -> None:
    for text in (
        "a = 1 -- final",
        "a > (SELECT AVG(a) FROM t)",
        "EXISTS (SELECT * FROM t)",
        "a -> 'x' IS NULL",
        "a IN (1, 2)",
    ):
        assert expression(text, DUCKDB).startswith("(")
    assert expression("a = 'x;--' -- final", DUCKDB) == "(a = 'x;--')"


@BOTH
@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "t AS x",
        "t x",
        "my table",
        "t, u",
        "a JOIN b ON TRUE",
        "t WHERE 1 = 1",
        "t; DROP TABLE t",
        "t TABLESAMPLE 10",
        "read_csv('x.csv')",
        '""',
        "(t)",
        "(SELECT 1) AS x",
        "(SELECT 1",
        "(SELECT 1))",
        "(SELECT 1; SELECT 2)",
        "SELECT 1; SELECT 2",
        "(DELETE FROM t)",
        "(WITH d AS (DELETE FROM t RETURNING *) SELECT * FROM d)",
        "(SELECT 1 AS a INTO x)",
        "(SELECT * FROM t WHERE a = ?)",
        "(SELECT * FROM WD_USER_SQL('t'))",
    ],
)
def test_no_relation(text: str, dialect: object) -> None:
    with pytest.raises(UsageError):
        relation(text, dialect)  # type: ignore[arg-type]


def test_names_stay_as_they_are_written() -> None:
    names = ("ml.scored", "ML.Scored", '"Ml"."Scored"', 'ml."Scored rows"', '"a""b"', "a.b.c")
    for name in names:
        assert relation(name, DUCKDB) == name
        translated = sqlglot.parse_one(
            transpile(f"SELECT 1 FROM {relation(name, POSTGRES)} AS src", POSTGRES), read="postgres"
        )
        table, written = translated.find(exp.Table), sqlglot.parse_one(name, read="postgres", into=exp.Table)
        assert [(p.name, p.args["quoted"]) for p in table.parts] == [(p.name, p.args["quoted"]) for p in written.parts]
    connection = duckdb.connect()
    connection.execute('CREATE TABLE "Mixed Case; --" AS SELECT 7 AS a')
    assert connection.execute(f"SELECT a FROM {relation(chr(34) + 'Mixed Case; --' + chr(34), DUCKDB)}").fetchall() == [
        (7,)
    ]


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("(SELECT 1 AS a)", 1),
        ("SELECT 1 AS a", 1),
        ("SELECT 1 AS a;", 1),
        ("(SELECT 1 AS a) UNION (SELECT 2)", 2),
        ("((SELECT 1 AS a))", 1),
        ("(SELECT * FROM range(5)) LIMIT 3", 3),
        ("\n  (select 1 as a -- )\n)", 1),
        ("WITH x AS (SELECT 1 AS a) SELECT * FROM x", 1),
        ("(SELECT * FROM range(5) AS r(a) QUALIFY ROW_NUMBER() OVER (ORDER BY a) = 1)", 1),
        ("FROM range(4)", 4),
    ],
)
def test_queries(text: str, rows: int) -> None:
    assert duckdb.sql(f"SELECT COUNT(*) FROM {relation(text, DUCKDB)} AS src").fetchall() == [(rows,)]


def test_user_sql_is_not_translated() -> None:
    """It is in the warehouse's grammar already, and the rules of our templates are not for it."""
    source = relation(
        "(SELECT a / b AS q, PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY c) AS m FROM t GROUP BY 1)", POSTGRES
    )
    assert is_query(source) and is_query(relation("SELECT 1", DUCKDB))
    where = expression("q / 2 > 1 AND name = 'it''s &lt; \\'", POSTGRES)
    sql = transpile(f"SELECT COUNT(*) AS n FROM {source} AS src WHERE {where} AND src.x >= 1", POSTGRES)
    flat = " ".join(sql.split())
    assert "a / b AS q" in flat and "q / 2 > 1" in flat and "DOUBLE" not in flat
    assert "PERCENTILE_CONT(0.5) WITHIN GROUP" in flat and "'it''s &lt; \\'" in flat
    assert "WD_USER_SQL" not in flat and ") AS src" in flat
    with pytest.raises(DialectError, match="house subset"):
        transpile("SELECT PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY c) AS m FROM t", POSTGRES)


def test_no_name_or_value_becomes_user_sql() -> None:
    forged = "WD_USER_SQL('(SELECT 1)')"
    sql = transpile(f"SELECT {text_literal(forged)} AS {identifier(forged)} FROM {identifier(forged)} AS src", POSTGRES)
    tree = sqlglot.parse_one(sql, read="postgres")
    assert tree.find(exp.Literal).name == forged and tree.find(exp.Table).name == forged
    assert len(list(tree.find_all(exp.Select))) == 1
    assert Markup(forged)  # only marked SQL can say it, and templates mark none of their inputs
