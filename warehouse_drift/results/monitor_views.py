"""Views under the names that Databricks gives its tables: ``<monitor>_profile_metrics`` and ``<monitor>_drift_metrics``.

The rule: a monitor has its two views from its first finished run on; ``migrate`` makes those of all monitors anew. They
stay when a monitor leaves the configuration, as its history does, and go when nothing bears the name any more (a monitor
with an ``id`` was renamed). Monitors whose names give the same view share it; ``project`` and ``monitor`` tell them apart.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence

from markupsafe import Markup

from warehouse_drift.results.place import plain_name, prefix_in, prefix_in_views
from warehouse_drift.results.views import BY_NAME
from warehouse_drift.sql.dialect import Dialect
from warehouse_drift.sql.render import render
from warehouse_drift.warehouse.execute import Warehouse

PARTS = ("profile_metrics", "drift_metrics")
_LONGEST = 47
"""With the longer suffix that is 63 characters, what PostgreSQL allows; the same on every engine."""


def stem(monitor: str) -> str:
    """What stands before ``_drift_metrics``: the monitor's name in lower case, every character that is no letter of
    ASCII, digit or ``_`` as ``_``; cut with a hash where it is too long; never the name of a view of ours."""
    name = re.sub(r"[^a-z0-9_]", "_", monitor.lower())
    if len(name) > _LONGEST:
        name = f"{name[: _LONGEST - 9]}_{hashlib.sha256(monitor.lower().encode()).hexdigest()[:8]}"
    odd = not name.strip("_") or name[0].isdigit() or any(f"{name}_{part}" in BY_NAME for part in PARTS)
    if not name.strip("_"):
        name = hashlib.sha256(monitor.encode()).hexdigest()[:8]
    return f"monitor_{name}" if odd else name


def view_names(monitor: str) -> tuple[str, ...]:
    """The names of a monitor's views."""
    return tuple(f"{stem(monitor)}_{part}" for part in PARTS)


def known_monitors(warehouse: Warehouse, schema: str) -> list[tuple[str, str]]:
    """(project, monitor) of all that were ever run."""
    params = {"s": prefix_in(warehouse, schema)}
    rows = warehouse.fetch(render("results/monitors", params, warehouse.dialect).sql, name="monitors")
    return [(str(r["project"]), str(r["monitor"])) for r in rows]


def make_views(warehouse: Warehouse, schema: str, only: Sequence[str] | None = None) -> None:
    """Makes the views of these monitors (None: of all that were ever run), and drops those that nothing bears any more."""
    s = prefix_in(warehouse, schema)
    known = known_monitors(warehouse, schema)
    wanted = dict.fromkeys(stem(m) for m in ([m for _, m in known] if only is None else only))
    inside = prefix_in_views(warehouse, schema)
    for one in wanted:
        for name, sql in statements(warehouse.dialect, s, inside, one, [p for p in known if stem(p[1]) == one]):
            warehouse.execute(sql, name=name)


def statements(
    dialect: Dialect, s: Markup, inside: Markup, of: str, pairs: Sequence[tuple[str, str]]
) -> Iterator[tuple[str, str]]:
    """(what it does, SQL): the two views of a stem for these (project, monitor); without any, they are dropped."""
    for part in PARTS:
        place = s + plain_name(f"{of}_{part}", dialect)
        if not pairs:
            yield f"drop {of}_{part}", dialect.statements.get("drop_view", "DROP VIEW IF EXISTS {name}").format(name=place)
            continue
        shape = BY_NAME[f"databricks_{part}"]
        names = [name for name, _ in shape.listed(dialect.can("structs"))]
        ours = [n for n in ("comparison", "project", "monitor") if n in names]
        params = {
            "s": inside,
            "view": Markup(shape.name),
            "columns": [n for n in names if n not in ours],
            "ours": ours,
            "pairs": [{"project": p, "monitor": m} for p, m in pairs],
        }
        select = render("results/monitor_view", params, dialect).sql
        yield f"create {of}_{part}", dialect.statements["create_view"].format(name=place, select=select)
