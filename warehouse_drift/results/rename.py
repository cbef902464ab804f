"""A monitor with an ``id`` keeps its history when its name changes: the stored rows take the new name."""

from __future__ import annotations

import json

from warehouse_drift.errors import DialectError
from warehouse_drift.results.place import prefix_in
from warehouse_drift.results.tables import TABLES
from warehouse_drift.sql.environment import text_literal
from warehouse_drift.sql.render import render
from warehouse_drift.warehouse.execute import Warehouse

_SHAPE = "UPDATE {name} SET monitor = {new} WHERE project = {project} AND monitor = {old}"


def former_name(warehouse: Warehouse, schema: str, project: str, name: str, stable_id: str) -> str | None:
    """The name under which the monitor of this id was run last, if that is another one and ``name`` was never run."""
    params = {"s": prefix_in(warehouse, schema), "project": project}
    rows = warehouse.fetch(render("results/monitor_ids", params, warehouse.dialect).sql, name="ids of monitors")
    if not stable_id or any(r["monitor"] == name for r in rows):
        return None
    same = [r["monitor"] for r in rows if json.loads(r["versions"] or "{}").get("monitor_id") == stable_id]
    return str(same[0]) if same else None


def carry_over(warehouse: Warehouse, schema: str, project: str, name: str, stable_id: str) -> str | None:
    """Gives the rows of the former name to ``name``; the former name, or None when there was nothing to do.

    Table by table, the events of the runs last: a run that is killed in between carries over the rest.

    Raises DialectError with the reason where result tables take no UPDATE.
    """
    former = former_name(warehouse, schema, project, name, stable_id)
    if former is None:
        return None
    if why := warehouse.dialect.why_not("row_changes"):
        raise DialectError(
            f"The history of monitor {former} cannot take the name {name} on {warehouse.dialect.name}: {why}.",
            hint=f"Name the monitor {former} again, or take its id away: then {name} begins a history of its own.",
        )
    shape = warehouse.dialect.statements.get("rename_monitor", _SHAPE)
    tables = [t for t in TABLES if "monitor" in t.names]
    for table in sorted(tables, key=lambda t: t.name == "wd_run_events"):
        sql = shape.format(
            name=prefix_in(warehouse, schema) + table.name,
            new=text_literal(name),
            old=text_literal(former),
            project=text_literal(project),
        )
        warehouse.execute(sql, name=f"rename in {table.name}")
    return former
