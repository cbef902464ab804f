"""The verbs that explain stored results: explain and report. They read published views; only ``sql=True`` looks at a grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from warehouse_drift.config.load import load_config
from warehouse_drift.config.model import Config, MonitorConfig
from warehouse_drift.config.names import Names
from warehouse_drift.config.resolved import SourceColumn
from warehouse_drift.errors import UsageError
from warehouse_drift.reports.headlines import top_bins
from warehouse_drift.results import migrate, read
from warehouse_drift.results.place import prefix_in
from warehouse_drift.sql.render import render
from warehouse_drift.verbs_run import selected
from warehouse_drift.warehouse.connect import open_warehouse
from warehouse_drift.warehouse.execute import Warehouse

Row = dict[str, Any]
WINDOWS = 14
MOST = 5_000


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a column was decided as it was, in one window.

    ``rows``: its statistics over all rows, the judged ones first. ``bins``: the bins that add most to psi. ``segments``:
    its judged rows by segment, the largest first. ``history``: the judged rows of the windows before. ``sql``: the
    statement that profiled it and the query behind the bins.
    """

    monitor: str
    column: str
    comparison: str
    window_start: Any
    window_end: Any
    rows: tuple[Row, ...]
    bins: tuple[Row, ...]
    segments: tuple[Row, ...]
    history: tuple[Row, ...]
    incidents: tuple[Row, ...]
    sql: tuple[tuple[str, str], ...] = ()


def explain(
    path: str,
    monitor: str,
    column: str,
    *,
    comparison: str | None = None,
    window: str | None = None,
    segment: str = "all",
    sql: bool = True,
    target: str | None = None,
) -> Explanation:
    """Why: bins and segments that carry the drift of one column, its history, its limits, and the SQL.

    Args:
        window: local date of the window; default: the newest decided one.

    Raises:
        UsageError: when there is no decision for this monitor, column and window.
    """
    config = load_config(path, target=target)
    given = config.monitor(monitor)
    with open_warehouse(config.url, read_only=True, roles=config.roles, scratch=False) as warehouse:
        schema = config.warehouse.result_schema
        migrate.check_version(warehouse, schema)
        found = _history(warehouse, config, given, column_name=column, comparison=comparison)
        if not found:
            known = sorted(
                {r["column_name"] for r in _history(warehouse, config, given) if r["column_name"] != ":table"}
            )
            if (one := Names([SourceColumn(n, "", "") for n in known]).find(column)) is not None:
                column = one.name
                found = _history(warehouse, config, given, column_name=column, comparison=comparison)
        if not found:
            raise UsageError(
                f"There is no decision about the column {column!r} of {monitor} yet.",
                hint=f"Columns: {', '.join(known)}." if known else "Run: warehouse-drift run",
            )
        here = [r for r in found if window is None or str(r["window_date"]) == window]
        if not here:
            raise UsageError(
                f"There is no window of {monitor} that starts on {window}.",
                hint=f"Newest: {found[0]['window_date']} of {found[0]['comparison']}.",
            )
        chosen = here[0]
        same = [
            r
            for r in found
            if (r["comparison"], r["window_start"], r["baseline_version"])
            == (chosen["comparison"], chosen["window_start"], chosen["baseline_version"])
        ]
        rows = sorted((r for r in same if r["segment"] == segment), key=_importance)
        parts = sorted((r for r in same if r["segment"] != segment and r["decision"] != "not_judged"), key=_importance)
        bins = top_bins(
            warehouse, schema, config.project, given.name, chosen["comparison"], chosen["baseline_version"],
            chosen["window_start"], segment, column, most=10,
        )  # fmt: skip
        before = [
            r
            for r in found
            if r["comparison"] == chosen["comparison"]
            and r["segment"] == segment
            and r["decision"] != "not_judged"
            and r["window_start"] <= chosen["window_start"]
        ]
        starts = sorted({r["window_start"] for r in before}, reverse=True)[:WINDOWS]
        incidents = [
            i
            for i in read.incidents(warehouse, schema, config.project, given.name)
            if i["column_name"] == column and i["comparison"] == chosen["comparison"]
        ]
        statements = _statements(warehouse, config, given, chosen, column) if sql else ()
    return Explanation(
        monitor,
        column,
        chosen["comparison"],
        chosen["window_start"],
        chosen["window_end"],
        tuple(rows),
        tuple(bins),
        tuple(parts),
        tuple(r for r in before if r["window_start"] in starts),
        tuple(incidents),
        statements,
    )


def _importance(row: Row) -> tuple[int, float]:
    rank = {"alert": 0, "warn": 1, "none": 2, "ok": 3, "not_judged": 4}[row["decision"]]
    limit = row["alert_threshold"] or row["warn_threshold"]
    times = abs(row["value"]) / limit if limit and row["value"] is not None else 0.0
    return rank, -times


def _history(
    warehouse: Warehouse,
    config: Config,
    given: MonitorConfig,
    *,
    column_name: str | None = None,
    comparison: str | None = None,
) -> list[Row]:
    params = {
        "s": prefix_in(warehouse, config.warehouse.result_schema),
        "project": config.project,
        "monitor": given.name,
        "column_name": column_name,
        "comparison": comparison,
        "statistic": None,
        "segment": None,
        "start": None,
        "most": MOST,
    }
    return warehouse.fetch(render("reports/history", params, warehouse.dialect).sql, name="history")


def _statements(
    warehouse: Warehouse, config: Config, given: MonitorConfig, chosen: Row, column: str
) -> tuple[tuple[str, str], ...]:
    """The statement that counts this column's cells in the window, and the query of its bins, ready to be run."""
    from warehouse_drift.grid.spec import from_json
    from warehouse_drift.pipeline.columns import measure
    from warehouse_drift.pipeline.facts import filtered, known_grid, source_of
    from warehouse_drift.pipeline.grids import Slice, cell_params
    from warehouse_drift.verbs_run import resolved_monitor

    schema = config.warehouse.result_schema
    monitor, _ = resolved_monitor(warehouse, config, given)
    measured = [m for m in measure(monitor.columns, warehouse.dialect, [column]) if m.name == column]
    stored = read.grids(warehouse, schema, config.project, monitor.monitor_id, chosen["baseline_version"])
    found: list[tuple[str, str]] = []
    if measured and column in stored:
        m = measured[0]
        grid = known_grid(column, stored[column])
        source = source_of(warehouse, monitor)
        where = Slice(source.relation, filtered(monitor, source, chosen["window_start"], chosen["window_end"]))
        if m.is_numeric and grid.spec:
            params = {"columns": cell_params([m.numeric], {m.number: from_json(grid.spec)}), **where.params()}
            found.append(("cells of the window", render("profile/numeric_cells", params, warehouse.dialect).sql))
        elif not m.is_numeric:
            params = {"columns": [m.values], "salt": "", **where.params()}
            found.append(("values of the window", render("profile/categorical_cells", params, warehouse.dialect).sql))
    params = {
        "s": prefix_in(warehouse, schema), "project": config.project, "monitor": monitor.monitor_id,
        "comparison": chosen["comparison"], "baseline_version": chosen["baseline_version"], "start": chosen["window_start"],
        "segment": chosen["segment"], "column_name": column, "most": 100,
    }  # fmt: skip
    found.append(("bins behind psi", render("reports/top_bins", params, warehouse.dialect).sql))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Report:
    """The newest complete windows of the chosen monitors, their open incidents, and how the monitors stand."""

    project: str
    status: tuple[Row, ...]
    rows: tuple[Row, ...]
    incidents: tuple[Row, ...]

    def as_dict(self) -> dict[str, Any]:
        return {
            "project": self.project,
            "monitors": list(self.status),
            "incidents": list(self.incidents),
            "rows": list(self.rows),
        }


def report(
    path: str,
    *,
    select: Sequence[str] = (),
    exclude: Sequence[str] = (),
    judged: bool = True,
    target: str | None = None,
) -> Report:
    """What the views say now. ``judged``: only rows with a decision.

    Raises:
        SchemaVersionError: when nothing was ever stored.
    """
    config = load_config(path, target=target)
    chosen = [m.name for m in selected(config, select, exclude)]
    with open_warehouse(config.url, read_only=True, roles=config.roles, scratch=False) as warehouse:
        schema = config.warehouse.result_schema
        migrate.check_version(warehouse, schema)
        params = {
            "s": prefix_in(warehouse, schema),
            "project": config.project,
            "monitors": chosen,
            "judged": judged,
            "segments": None,
            "most": MOST,
        }
        rows = warehouse.fetch(render("reports/latest", params, warehouse.dialect).sql, name="latest")
        status = [r for r in read.status(warehouse, schema, config.project) if r["monitor"] in chosen]
        incidents = [{"monitor": m, **i} for m in chosen for i in read.incidents(warehouse, schema, config.project, m)]
    return Report(config.project, tuple(status), tuple(rows), tuple(incidents))


__all__ = ["Explanation", "Report", "explain", "report"]
