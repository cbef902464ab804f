"""What a relation looks like, without reading its rows."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from markupsafe import Markup

from warehouse_drift.config.resolved import SourceColumn
from warehouse_drift.errors import QueryError, WarehouseError
from warehouse_drift.resources import template_text
from warehouse_drift.sql.dialect import Dialect
from warehouse_drift.sql.environment import identifier
from warehouse_drift.sql.expressions import is_query, written
from warehouse_drift.sql.render import render
from warehouse_drift.warehouse.execute import Warehouse

_FAMILIES = (
    ("timestamptz", r"TIMESTAMP(\(\d+\))? WITH (LOCAL )?TIME ZONE|TIMESTAMPTZ|TIMESTAMP_L?TZ"),
    ("timestamp", r"TIMESTAMP|DATETIME"),
    ("date", r"DATE\b"),
    ("time", r"TIME|INTERVAL"),
    ("boolean", r"BOOL"),
    ("nested", r"STRUCT|MAP|UNION|JSON|VARIANT|OBJECT|GEO|VECTOR"),
    ("decimal", r"DECIMAL|NUMERIC|NUMBER"),
    ("float", r"DOUBLE|FLOAT|REAL"),
    ("integer", r"U?(TINY|SMALL|BIG|HUGE)?INT|BIGNUM"),
    ("text", r"VARCHAR|TEXT|CHAR|BPCHAR|STRING|ENUM|UUID|NAME\b"),
    ("binary", r"BLOB|BYTE|BIT|BINARY|VARBINARY"),
)
_MISSING = re.compile(r"does not exist|not found|cannot be found|no such table|unknown table", re.I)
_TYPE_NAMES = "warehouse/type_names"


def family(data_type: str, dialect: Dialect | None = None) -> str:
    """integer, decimal, float, boolean, text, date, timestamp, timestamptz, time, binary, array, nested or unknown.

    An array is one where the dialect can tell its length; else it is nested."""
    found = _family(data_type.strip(), dialect)
    return "nested" if found == "array" and (dialect is None or not dialect.can("arrays")) else found


def _family(text: str, dialect: Dialect | None) -> str:
    if dialect is not None:
        while dialect.type_wrapper and (inner := re.fullmatch(dialect.type_wrapper, text)):
            text = inner.group(1)
        for name, pattern in dialect.families.items():
            if re.fullmatch(pattern, text, re.I):
                return name
    upper = text.upper()
    if upper.endswith("]") or re.match(r"(LIST|ARRAY)\b", upper):
        return "array"
    for name, pattern in _FAMILIES:
        if re.match(pattern, upper):
            return name
    return "unknown"


def columns(
    warehouse: Warehouse, relation: Markup, shown: str | None = None, time: str | None = None
) -> tuple[SourceColumn, ...]:
    """Columns in order, of a table, a view or a SELECT in parentheses; ``relation`` is marked SQL
    (``sql.expressions.relation``), ``shown`` its name for people, ``time`` the column that its rows are placed by.

    Raises WarehouseError with the nearest names when the relation does not exist, or with the engine's first line.
    """
    shown = shown or str(relation)
    x = identifier(time) if time and warehouse.dialect.partition_filters else None
    sql = render("warehouse/columns", {"source": relation, "x": x}, warehouse.dialect).sql
    try:
        described = warehouse.describe(sql, name=f"columns of {shown}")
    except QueryError as error:
        raise _missing(warehouse, relation, shown, error) from error
    types = _type_texts(warehouse, [code for _, code, _ in described])
    return tuple(
        SourceColumn(name, text, _whole(family(text, warehouse.dialect), scale))
        for (name, _, scale), text in zip(described, types, strict=True)
    )


def _whole(kind: str, scale: int | None) -> str:
    """Decimals without digits after the point are integers: some engines have no other."""
    return "integer" if kind == "decimal" and scale == 0 else kind


def relation_exists(warehouse: Warehouse, relation: Markup) -> bool:
    """False when the engine says that it is not there; any other refusal is raised as WarehouseError."""
    try:
        columns(warehouse, relation)
    except MissingRelation:
        return False
    return True


def tables(warehouse: Warehouse) -> list[str]:
    """``schema.table`` of at most 1,000 tables and views, to suggest a name from."""
    rows = warehouse.fetch(render("warehouse/tables", {}, warehouse.dialect).sql, name="tables")
    return [f"{r['table_schema']}.{r['table_name']}" for r in rows]


def server_now(warehouse: Warehouse) -> datetime:
    """The warehouse's clock as naive UTC, to the microsecond."""
    seconds = warehouse.fetch(render("warehouse/now", {}, warehouse.dialect).sql, name="clock")[0]["epoch_us"]
    return datetime(1970, 1, 1) + timedelta(microseconds=int(seconds))


class MissingRelation(WarehouseError):
    """There is no table or view of that name."""


def _missing(warehouse: Warehouse, relation: Markup, shown: str, error: QueryError) -> WarehouseError:
    text = str(error.message).split(": ", 1)[-1]
    if is_query(relation):
        return WarehouseError(f"The query {_short(shown)} cannot be run: {text}", hint="Run it by itself first.")
    if not _MISSING.search(text):
        return error
    if not warehouse.dialect.catalog_views:
        return MissingRelation(f"There is no relation {shown}.", hint="Check its name, and the schema in front of it.")
    from warehouse_drift.results.tables import TABLES
    from warehouse_drift.results.views import VIEWS

    ours = {t.name for t in TABLES} | {v.name for v in VIEWS}
    names = [n for n in tables(warehouse) if n.split(".")[-1] not in ours]
    wanted = shown.split(".")[-1].strip('"`').lower()
    alike = [n.split(".")[-1] for n in names if n.split(".")[-1].lower() == wanted]
    if any(written(n, warehouse.dialect) == n for n in alike) and "." not in shown:
        # it is there (a view on something that is gone, or without the right): the engine knows better than a guess
        return WarehouseError(f"{shown} cannot be read: {text}")
    return MissingRelation(f"There is no relation {shown}.", hint=_suggestion(wanted, names, warehouse.dialect))


def _suggestion(wanted: str, names: Sequence[str], dialect: Dialect) -> str:
    by_table = {n.split(".")[-1].lower(): ".".join(written(part, dialect) for part in n.split(".")) for n in names}
    near = difflib.get_close_matches(wanted, by_table, 3, 0.6)
    if wanted in by_table:
        near = [wanted]
    if near:
        return f"Did you mean {', '.join(by_table[n] for n in near)}?"
    if not names:
        return "There are no tables: is it the database that you mean?"
    return f"Tables there: {', '.join(names[:8])}{' and more' if len(names) > 8 else ''}."


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= 80 else flat[:77] + "..."


def _type_texts(warehouse: Warehouse, codes: Sequence[Any]) -> list[str]:
    """Type names. Drivers that give numbers need one more question, which only their dialect's folder knows."""
    if (
        codes
        and all(isinstance(c, int) for c in codes)
        and template_text(f"{_TYPE_NAMES}.sql.j2", warehouse.dialect.name)
    ):
        sql = render(_TYPE_NAMES, {"codes": sorted(set(codes))}, warehouse.dialect).sql
        names = {int(r["code"]): str(r["name"]) for r in warehouse.fetch(sql, name="type names")}
        return [names.get(c, "unknown") for c in codes]
    return [str(c) for c in codes]
