"""Creating the result schema and appending decision rows to it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from markupsafe import Markup

from warehouse_drift.errors import DialectError
from warehouse_drift.results.tables import COLUMNS, VIEWS
from warehouse_drift.sql.environment import identifier, qualified, text_literal
from warehouse_drift.sql.render import render
from warehouse_drift.warehouse.execute import Warehouse

BATCH = 350


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
        warehouse.execute(
            made["create_view"].format(name=qualified(schema, view), select=select), name=f"create {view}"
        )
    if dialect.can("view_comments"):
        for name, _, words in COLUMNS:
            target = qualified(schema, "wd_results", name)
            warehouse.execute(made["comment_column"].format(name=target, text=text_literal(words)), name="comment")


def literal(value: Any) -> Markup:
    """A value as SQL text, short; the column's cast gives it its type. Raises DialectError for NaN and infinity."""
    if value is None:
        return Markup("NULL")
    if isinstance(value, bool):
        return Markup("TRUE" if value else "FALSE")
    if isinstance(value, int):
        return Markup(str(value))
    if isinstance(value, float):
        if not math.isfinite(value):
            raise DialectError("NaN and infinity are never stored.")
        return Markup(f"{value!r}" if "e" in repr(value) else f"{value!r}e0")
    if isinstance(value, datetime):
        return text_literal(value.isoformat(sep=" "))
    if isinstance(value, date):
        return text_literal(value.isoformat())
    return text_literal(str(value))


def insert_rows(
    warehouse: Warehouse, schema: str, table: str, columns: Sequence[tuple[str, str]], rows: Sequence[Mapping[str, Any]]
) -> None:
    """Appends rows; ``columns`` are (name, type name). Values that are the same in a whole batch are written once."""
    types = warehouse.dialect.types
    head = f"INSERT INTO {qualified(schema, table)} ({', '.join(identifier(n) for n, _ in columns)}) "
    for first in range(0, len(rows), BATCH):
        some = rows[first : first + BATCH]
        same = {n for n, _ in columns if all(r[n] == some[0][n] for r in some)}
        varying = [n for n, _ in columns if n not in same]
        if not varying:
            varying = [columns[0][0]]
            same -= set(varying)
        listed = ", ".join(
            f"CAST({literal(some[0][n]) if n in same else 'v.' + identifier(n)} AS {types[kind]})"
            for n, kind in columns
        )
        body = ", ".join("(" + ", ".join(literal(r[n]) for n in varying) + ")" for r in some)
        names = ", ".join(identifier(n) for n in varying)
        warehouse.execute(f"{head}SELECT {listed} FROM (VALUES {body}) AS v ({names})", name=f"append to {table}")
