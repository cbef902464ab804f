"""What a relation looks like, without reading its rows."""

from __future__ import annotations

import difflib

from markupsafe import Markup

from warehouse_drift.config.resolved import SourceColumn
from warehouse_drift.errors import QueryError, WarehouseError
from warehouse_drift.sql.render import render
from warehouse_drift.warehouse.execute import Warehouse

_FAMILIES = (
    ("timestamptz", ("TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ")),
    ("timestamp", ("TIMESTAMP", "DATETIME")),
    ("date", ("DATE",)),
    ("time", ("TIME", "INTERVAL")),
    ("boolean", ("BOOL",)),
    ("nested", ("STRUCT", "MAP", "UNION", "LIST", "ARRAY", "JSON")),
    ("decimal", ("DECIMAL", "NUMERIC")),
    ("float", ("DOUBLE", "FLOAT", "REAL")),
    ("integer", ("TINYINT", "SMALLINT", "INT", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT", "BIGNUM")),
    ("text", ("VARCHAR", "TEXT", "CHAR", "STRING", "ENUM", "UUID")),
    ("binary", ("BLOB", "BYTEA", "BIT")),
)


def family(data_type: str) -> str:
    """integer, decimal, float, boolean, text, date, timestamp, timestamptz, time, binary, nested or unknown."""
    upper = data_type.upper()
    if upper.endswith("]"):
        return "nested"
    for name, starts in _FAMILIES:
        if upper.startswith(starts):
            return name
    return "unknown"


def columns(warehouse: Warehouse, relation: Markup, shown: str) -> tuple[SourceColumn, ...]:
    """Columns in order. Raises WarehouseError with the nearest names when the relation does not exist."""
    sql = render("warehouse/columns", {"source": relation}, warehouse.dialect).sql
    try:
        rows = warehouse.fetch(sql, name=f"columns of {shown}")
    except QueryError as error:
        names = tables(warehouse)
        near = difflib.get_close_matches(shown.split(".")[-1].strip('"'), [n.split(".")[-1] for n in names], 3, 0.6)
        if "does not exist" in str(error).lower():
            hint = f"Did you mean {', '.join(near)}?" if near else f"Tables there: {', '.join(names[:8]) or 'none'}."
            raise WarehouseError(f"There is no relation {shown}.", hint=hint) from error
        raise
    return tuple(SourceColumn(str(r["column_name"]), str(r["column_type"]), family(str(r["column_type"]))) for r in rows)


def tables(warehouse: Warehouse) -> list[str]:
    rows = warehouse.fetch(render("warehouse/tables", {}, warehouse.dialect).sql, name="tables")
    return [f"{r['table_schema']}.{r['table_name']}" for r in rows]
