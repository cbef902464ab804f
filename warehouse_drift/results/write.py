"""Creating the result schema and appending decision rows to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from markupsafe import Markup

from warehouse_drift.results.tables import COLUMNS, VIEWS
from warehouse_drift.sql.environment import date_literal, double_literal, identifier, qualified, text_literal, timestamp_literal
from warehouse_drift.sql.render import render
from warehouse_drift.warehouse.execute import Warehouse

BATCH = 400


def create_all(warehouse: Warehouse, schema: str) -> None:
    """Schema, table, views and their comments; running it again changes nothing."""
    dialect = warehouse.dialect
    made = dialect.statements
    table = qualified(schema, "wd_results")
    listed = ", ".join(f"{identifier(name)} {dialect.types[kind]}" for name, kind, _ in COLUMNS)
    warehouse.execute(made["create_schema"].format(name=identifier(schema)), name="create schema")
    warehouse.execute(made["create_table"].format(name=table, columns=listed), name="create wd_results")
    history = qualified(schema, "drift_history")
    for view in VIEWS:
        params: dict[str, object] = {"results": table, "history": history, "training": 14, "least": 5}
        select = render(f"views/{view}", params, dialect).sql
        warehouse.execute(made["create_view"].format(name=qualified(schema, view), select=select), name=f"create {view}")
    if dialect.can("view_comments"):
        for name, _, words in COLUMNS:
            target = qualified(schema, "wd_results", name)
            warehouse.execute(made["comment_column"].format(name=target, text=text_literal(words)), name="comment")


def literal(value: Any) -> Markup:
    """A value as SQL text. NaN and infinity are refused by the double literal."""
    if value is None:
        return Markup("NULL")
    if isinstance(value, bool):
        return Markup("TRUE" if value else "FALSE")
    if isinstance(value, int):
        return Markup(str(value))
    if isinstance(value, float):
        return double_literal(value)
    if isinstance(value, datetime):
        return timestamp_literal(value)
    if isinstance(value, date):
        return date_literal(value)
    return text_literal(str(value))


def insert_rows(warehouse: Warehouse, schema: str, table: str, names: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    """Appends rows in batches of literals."""
    listed = ", ".join(identifier(n) for n in names)
    head = f"INSERT INTO {qualified(schema, table)} ({listed}) VALUES "
    for first in range(0, len(rows), BATCH):
        some = rows[first : first + BATCH]
        body = ", ".join("(" + ", ".join(literal(r[n]) for n in names) + ")" for r in some)
        warehouse.execute(head + body, name=f"append to {table}")
