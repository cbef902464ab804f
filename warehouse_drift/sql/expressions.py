"""SQL that a user writes: parsed as one expression, one table name or one SELECT before it is marked as SQL."""

from __future__ import annotations

import sqlglot
from markupsafe import Markup
from sqlglot import exp
from sqlglot.errors import SqlglotError

from warehouse_drift.errors import UsageError
from warehouse_drift.sql.dialect import Dialect
from warehouse_drift.sql.environment import qualified


def expression(text: str, dialect: Dialect, what: str = "expression") -> Markup:
    """``where:`` and ``expression:`` texts. Raises UsageError unless the text is exactly one scalar expression."""
    problem = f"{what} {text!r} is not one SQL expression"
    try:
        trees = sqlglot.parse(f"SELECT 1 WHERE ({text}\n)", read=dialect.sqlglot_name)
    except SqlglotError as error:
        raise UsageError(
            f"{problem}: {str(error).splitlines()[0]}.", hint="Write what would stand after WHERE, without ';'."
        ) from error
    tree = trees[0] if len(trees) == 1 else None
    where = tree.args.get("where") if isinstance(tree, exp.Select) else None
    if (
        tree is None
        or where is None
        or not isinstance(where.this, exp.Paren)
        or any(v for k, v in tree.args.items() if k not in ("where", "expressions", "kind", "hint"))
    ):
        raise UsageError(f"{problem}.", hint="Write what would stand after WHERE, without ';'.")
    if where.find(exp.AggFunc) or where.find(exp.Window):
        raise UsageError(f"{problem}: aggregates and window functions are not allowed in it.")
    return Markup(where.this.sql(dialect="duckdb"))


def relation(text: str, dialect: Dialect) -> Markup:
    """A table name, or a SELECT in parentheses (or bare), as it may stand after FROM."""
    text = text.strip().rstrip(";")
    if text.startswith("(") or text.upper().startswith(("SELECT ", "WITH ", "SELECT\n", "WITH\n")):
        inner = text[1:-1] if text.startswith("(") and text.endswith(")") else text
        try:
            trees = sqlglot.parse(inner, read=dialect.sqlglot_name)
        except SqlglotError as error:
            raise UsageError(f"The query {text[:60]!r} cannot be read: {str(error).splitlines()[0]}.") from error
        writes = (exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.Create, exp.Into)
        if len(trees) != 1 or not isinstance(trees[0], exp.Query) or trees[0].find(*writes) is not None:
            raise UsageError(f"{text[:60]!r} is not one SELECT that only reads.")
        return Markup("(" + trees[0].sql(dialect="duckdb") + ")")
    try:
        table = exp.to_table(text, dialect=dialect.sqlglot_name)
    except SqlglotError as error:
        raise UsageError(
            f"{text!r} is not a table name.", hint="Write schema.table, or a SELECT in parentheses."
        ) from error
    parts = [p.name for p in table.parts]
    if not parts or table.args.get("alias"):
        raise UsageError(f"{text!r} is not a table name.")
    return qualified(*parts)
