"""The views of a schema that is there already, made anew.

Most engines replace a view whatever its columns are. Some keep the columns (capability ``view_columns``): there, views
whose columns changed are dropped and made anew, all of ours in one transaction, so that a reader meets the old ones or
the new ones; and rights that were given to them are given again (statement ``grant``, where the dialect has it).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from warehouse_drift.errors import QueryError, SchemaVersionError
from warehouse_drift.results.monitor_views import known_monitors, make_views, stem, view_names
from warehouse_drift.results.place import plain_name, prefix_in
from warehouse_drift.results.views import VIEWS
from warehouse_drift.sql.render import render
from warehouse_drift.warehouse.execute import Warehouse, mask


def replace_views(warehouse: Warehouse, schema: str, statements: Sequence[tuple[str, str]]) -> None:
    """Runs ``statements`` (name, SQL), which make the views and their comments, and makes the views of all monitors.

    Raises SchemaVersionError when the views must be dropped and something that is not ours reads them: nothing is
    changed then, for others' views are not ours to drop.
    """
    try:
        _make(warehouse, schema, statements)
    except QueryError:
        if not warehouse.dialect.why_not("view_columns"):
            raise
        _make_anew(warehouse, schema, statements)


def _make(warehouse: Warehouse, schema: str, statements: Sequence[tuple[str, str]]) -> None:
    for name, sql in statements:
        warehouse.execute(sql, name=name)
    make_views(warehouse, schema)


def _make_anew(warehouse: Warehouse, schema: str, statements: Sequence[tuple[str, str]]) -> None:
    shapes, s = warehouse.dialect.statements, prefix_in(warehouse, schema)
    stems = dict.fromkeys(stem(monitor) for _, monitor in known_monitors(warehouse, schema))
    names = [*(n for one in stems for n in view_names(one)), *(v.name for v in reversed(VIEWS))]
    rights = _rights(warehouse, schema, names) if "grant" in shapes else []
    with warehouse.one_transaction():
        try:
            for name in names:
                place = s + plain_name(name, warehouse.dialect)
                warehouse.execute(
                    shapes.get("drop_view", "DROP VIEW IF EXISTS {name}").format(name=place), name=f"drop {name}"
                )
        except QueryError as error:
            raise SchemaVersionError(
                f"The views in {schema} have new columns and must be made anew, but others read them: {_said(error)}.",
                hint="Drop those, run this again, then make them anew; nothing has been changed.",
            ) from error
        _make(warehouse, schema, statements)
        for r in rights:
            place = s + plain_name(str(r["view_name"]), warehouse.dialect)
            sql = shapes["grant"].format(
                privilege=Markup(str(r["privilege"])),
                name=place,
                grantee="PUBLIC" if r["grantee"] == "PUBLIC" else plain_name(str(r["grantee"]), warehouse.dialect),
                option=shapes.get("grant_option", "") if r["grantable"] == "YES" else "",
            )
            warehouse.execute(sql, name=f"grant on {r['view_name']}")


def _rights(warehouse: Warehouse, schema: str, names: Sequence[str]) -> list[dict[str, Any]]:
    """Rights that others than the owner have."""
    params = {"schema_name": schema.split(".")[-1], "views": list(names)}
    return warehouse.fetch(render("results/view_rights", params, warehouse.dialect).sql, name="rights to the views")


def _said(error: QueryError) -> str:
    """The engine's second line, which names what depends on the view; else its first."""
    original = getattr(error.__cause__, "orig", None) or error
    lines = [line.strip() for line in mask(str(original)).splitlines() if line.strip()]
    return (lines[1] if len(lines) > 1 else lines[0]).removeprefix("DETAIL:").strip().rstrip(".")
