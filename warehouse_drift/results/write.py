"""Appending rows to the result tables, and publishing them.

Rows are appended first and published last: a reader sees a row when the record that names its run exists (``wd_units``
for profiles, ``wd_windows`` for results), so a run that is killed anywhere in between leaves nothing that is seen. No
statement needs another one's transaction.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from markupsafe import Markup

from warehouse_drift.decisions.model import SEVERITY, Verdict
from warehouse_drift.errors import DriftError
from warehouse_drift.results.literals import document, literals_of, long_text, stored
from warehouse_drift.results.place import prefix_in
from warehouse_drift.results.tables import BY_NAME, Table
from warehouse_drift.sql.dialect import Dialect
from warehouse_drift.sql.environment import environment
from warehouse_drift.warehouse.execute import Warehouse

Row = Mapping[str, Any]

WINDOW = ("project", "monitor", "comparison", "window_start", "window_end", "window_date", "baseline_version")
"""What a publish record of results names; together with ``run_id`` it finds its rows."""
GRAIN = (
    "project", "monitor", "comparison", "window_start", "window_end", "baseline_version", "segment", "column_name", "statistic",
)  # fmt: skip
"""What one row of ``drift_history`` is about."""


def insert_rows(warehouse: Warehouse, schema: str, table: str, rows: Sequence[Row]) -> int:
    """Appends rows to a result table; their number. Columns that a row does not name are NULL; rows of ``wd_results``
    are completed first (see ``completed``). Values go through ``literals.stored``.

    Raises DriftError before anything is written when a row names an unknown column or lacks a required one.
    """
    s = prefix_in(warehouse, schema)
    for sql in list(insert_statements(warehouse.dialect, s, table, rows)):
        warehouse.execute(sql, name=f"append to {table}")
    return len(rows)


def insert_statements(dialect: Dialect, s: Markup, table: str, rows: Sequence[Row]) -> Iterator[str]:
    """The statements that append ``rows``, in batches of the dialect's size, in the dialect's own grammar."""
    definition = BY_NAME[table]
    clean = [_clean(definition, row) for row in rows]
    for first in range(0, len(clean), dialect.append_batch):
        yield _insert(dialect, s, definition, clean[first : first + dialect.append_batch])


def _insert(dialect: Dialect, s: Markup, table: Table, rows: Sequence[Row]) -> str:
    """One INSERT. A value that is the same in all rows is written once; the others come as rows of literals or as one
    JSON text, as ``append_rows`` of the dialect says (its override of ``results/insert`` unpacks the latter)."""
    literal = literals_of(dialect)
    first = rows[0]
    varying = [n for n in table.names if any(not _same(r[n], first[n]) for r in rows)] or [table.names[0]]
    among = set(varying)
    params: dict[str, object] = {
        "s": s,
        "table": Markup(table.name),
        "columns": [Markup(n) for n in table.names],
        "casts": [_cast(Markup("v.") + Markup(c.name) if c.name in among else literal(first[c.name]), dialect.types[c.kind]) for c in table.columns],
        "names": [Markup(n) for n in varying],
    }  # fmt: skip
    if dialect.append_rows == "json":
        kinds = {c.name: dialect.types[c.kind if c.kind not in ("timestamp", "date") else "text"] for c in table.columns}
        params |= {"kinds": [Markup(kinds[n]) for n in varying], "document": long_text(document(rows, varying), dialect)}
    else:
        params["rows"] = [Markup(", ").join(literal(r[n]) for n in varying) for r in rows]
    return environment(dialect.name).get_template("results/insert.sql.j2").render(**params).strip()


def _same(a: Any, b: Any) -> bool:
    """Equal, and written alike: 0.0 equals -0.0, and True equals 1."""
    return a is b or (type(a) is type(b) and a == b and (a != 0 or repr(a) == repr(b)))


def _cast(value: Markup, kind: str) -> Markup:
    return Markup(f"CAST({value} AS {kind})")


def insert_select(
    warehouse: Warehouse, schema: str, table: str, columns: Sequence[str], select_sql: str, *, template: str = ""
) -> int | None:
    """Appends the rows of a SELECT in the warehouse's own SQL, for facts that never come to Python; their number where
    the driver tells. ``columns`` are those of the SELECT, in order; ``template`` is where it comes from, for logs.

    Raises DriftError for an unknown column, and when a required one is not among them.
    """
    definition = BY_NAME[table]
    _check(definition, columns)
    missing = {c.name for c in definition.columns if c.required} - set(columns)
    _refuse_missing(definition, missing)
    name = prefix_in(warehouse, schema) + Markup(table)
    shape = warehouse.dialect.statements.get("insert_select", "INSERT INTO {name} ({columns}) {select}")
    sql = shape.format(name=name, columns=", ".join(columns), select=select_sql)
    return warehouse.execute(sql, name=f"{template} into {table}" if template else f"append to {table}")


def publish_units(warehouse: Warehouse, schema: str, rows: Sequence[Row]) -> int:
    """Makes units visible: rows of ``wd_units``, written after the cells and profiles that they name."""
    return insert_rows(warehouse, schema, "wd_units", rows)


def publish_results(warehouse: Warehouse, schema: str, rows: Sequence[Row], bins: Sequence[Row] = ()) -> int:
    """Appends results (and the bins behind psi), then publishes their windows; the number of windows.

    ``rows`` must be all of a window's results: a window that was decided before is replaced as a whole. One run
    publishes a window once. What ``completed`` knows need not be given.
    """
    insert_rows(warehouse, schema, "wd_results", rows)
    if bins:
        insert_rows(warehouse, schema, "wd_bins", bins)
    records: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in rows:
        key = tuple(stored(row[n]) for n in (*WINDOW, "run_id"))
        known = records.get(key)
        if known is None or known["decided_at"] < row["decided_at"]:
            facts = {n: row[n] for n in (*WINDOW, "run_id", "is_complete", "decided_at", "config_hash")}
            records[key] = {**facts, "state": "decided"}
    return insert_rows(warehouse, schema, "wd_windows", list(records.values()))


def withdraw_window(warehouse: Warehouse, schema: str, window: Row) -> None:
    """Takes a published window back: no view shows it any more, until it is decided again.

    ``window`` has the names of ``WINDOW``, ``run_id``, ``decided_at`` (later than the decision's) and ``config_hash``.
    """
    insert_rows(warehouse, schema, "wd_windows", [{"is_complete": False, **window, "state": "withdrawn"}])


def publish_noise(
    warehouse: Warehouse, schema: str, rows: Sequence[Row], *, project: str, monitor: str, comparison: str,
    baseline_version: str, basis: str, run_id: str, at: datetime,
) -> None:  # fmt: skip
    """Writes a baseline's own noise and then the row that closes it, so that readers see all of it or nothing.

    ``rows``: segment, column_name, statistic, windows, max_value. Also without rows: "measured, and nothing to say".
    """
    key = {
        "project": project, "monitor": monitor, "comparison": comparison, "baseline_version": baseline_version,
        "basis": basis, "run_id": run_id, "created_at": at,
    }  # fmt: skip
    closing = {"segment": "", "column_name": "", "statistic": "", "windows": len(rows)}
    insert_rows(warehouse, schema, "wd_noise", [{**row, **key} for row in rows])
    insert_rows(warehouse, schema, "wd_noise", [{**closing, **key}])


def run_event(
    warehouse: Warehouse, schema: str, *, run_id: str, project: str, monitor: str, event: str, at: datetime, **facts: Any
) -> None:
    """Records that a run started, is alive (heartbeat), finished, failed, or was found dead (abandoned).

    ``at`` is the warehouse's clock. ``facts``: units_profiled, rows_scanned, decided, undecided, versions, detail.
    """
    row = {"run_id": run_id, "project": project, "monitor": monitor, "event": event, "event_at": at, **facts}
    insert_rows(warehouse, schema, "wd_run_events", [row])


def row_key(row: Row) -> str:
    """The hash of a row's grain: the same for the same statistic of the same window, whoever computes it and when."""
    parts = [stored(row[n]) for n in GRAIN]
    text = "|".join(str(p).replace("~", "~0").replace("|", "~1") for p in parts)
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:32]


def completed(row: Row) -> dict[str, Any]:
    """A row of ``wd_results`` with everything that follows from the rest of it, unless it is given: the ends of the
    interval, precision, segment_kind, raw_decision, severity, row_key, and '' for what is not known."""
    full = {"owner": "", "grid_id": "", "threshold_source": "", "segment_column": None, "segment_value": None, **row}
    value = stored(full.get("value"))
    for end in ("value_lower", "value_upper"):
        given = stored(full.get(end))
        full[end] = None if value is None else value if given is None else given
    full.setdefault("precision", "exact" if full["value_lower"] == full["value_upper"] else "certified")
    full.setdefault("segment_kind", _segment_kind(full))
    full.setdefault("raw_decision", full["decision"])
    full.setdefault("severity", SEVERITY[Verdict(stored(full["decision"]))])
    full.setdefault("row_key", row_key(full))
    return full


def _segment_kind(row: Row) -> str:
    """A missing value, and the rest of a segment column, are told from values by ``segment_value``, which they lack."""
    column, shown = row["segment_column"], row["segment"]
    if shown == "all" and column is None:
        return "all"
    if column is not None and row["segment_value"] is None:
        return next((kind for kind in ("null", "other", "unseen") if shown == f"{column}=<{kind}>"), "value")
    return "value"


def _clean(table: Table, row: Row) -> dict[str, Any]:
    if table.name == "wd_results":
        row = completed(row)
    _check(table, row)
    found = {c.name: stored(row.get(c.name)) for c in table.columns}
    _refuse_missing(table, {c.name for c in table.columns if c.required and found[c.name] is None})
    return found


def _check(table: Table, names: Sequence[str] | Row) -> None:
    unknown = set(names).difference(table.names)
    if unknown:
        raise DriftError(f"{table.name} has no column {min(unknown)}.", hint=f"It has: {', '.join(table.names)}.")


def _refuse_missing(table: Table, missing: set[str]) -> None:
    if missing:
        listed = sorted(missing, key=lambda n: (n != "run_id", table.names.index(n)))
        raise DriftError(f"A row of {table.name} cannot be written without {', '.join(listed)}.")
