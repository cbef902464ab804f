"""Small reads of published state: what is there, what was decided, what is known of a baseline."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from markupsafe import Markup

from warehouse_drift.decisions.model import Summary, Verdict
from warehouse_drift.decisions.sentences import detail_of
from warehouse_drift.results.place import prefix_in
from warehouse_drift.sql.render import render
from warehouse_drift.warehouse.execute import Warehouse

Row = dict[str, Any]
TURN = 8_000
"""Rows that come to Python at once."""
Key = tuple[str, str, str]
"""(segment, column_name, statistic)"""


def _rows(warehouse: Warehouse, schema: str, template: str, **params: Any) -> list[Row]:
    params["s"] = prefix_in(warehouse, schema)
    return warehouse.fetch(render(f"results/{template}", params, warehouse.dialect).sql, name=template.replace("_", " "))


def now(warehouse: Warehouse) -> datetime:
    """The warehouse's clock, naive UTC with microseconds: the one clock of scans, decisions and heartbeats."""
    micros = warehouse.fetch(render("warehouse/now", {}, warehouse.dialect).sql, name="now")[0]["epoch_us"]
    return datetime(1970, 1, 1) + timedelta(microseconds=int(micros))


def bucket_counts(
    warehouse: Warehouse, schema: str, project: str, monitor: str, baseline_version: str, *,
    columns: Sequence[str] | None = None, grid_ids: Sequence[str] | None = None, segment_keys: Sequence[str] | None = None,
    start: datetime | None = None, end: datetime | None = None,
) -> dict[datetime, Row]:  # fmt: skip
    """bucket_start -> bucket_end, window_date, units, rows_scanned, newest_scan of the published units that still have
    their cells: a bucket whose cells retention took counts as not profiled, and never as an empty one.

    With the wanted columns, grids and segment keys given, a bucket is complete when ``units`` is the number of wanted
    units. One row a bucket comes to Python, however many columns there are.
    """
    found = _rows(
        warehouse, schema, "bucket_counts", project=project, monitor=monitor, baseline_version=baseline_version, columns=columns,
        grid_ids=grid_ids, segment_keys=segment_keys, start=start, end=end,
    )  # fmt: skip
    return {r["bucket_start"]: r for r in found}


def units(warehouse: Warehouse, schema: str, project: str, monitor: str, baseline_version: str, start: datetime, end: datetime) -> list[Row]:
    """Published units of the buckets that start in [start, end): for a few buckets, when ``bucket_counts`` shows a gap."""
    return _rows(warehouse, schema, "units", project=project, monitor=monitor, baseline_version=baseline_version, start=start, end=end)


def decided_windows(
    warehouse: Warehouse, schema: str, project: str, monitor: str, *, comparison: str | None = None, baseline_version: str | None = None,
    start: datetime | None = None, end: datetime | None = None,
) -> list[Row]:  # fmt: skip
    """Published windows that start in [start, end), with config_hash, decided_at, is_complete and run_id."""
    return _rows(
        warehouse, schema, "windows", project=project, monitor=monitor, comparison=comparison, baseline_version=baseline_version, start=start, end=end
    )


def starts_before(
    warehouse: Warehouse, schema: str, project: str, monitor: str, comparison: str, baseline_version: str, before: datetime, newest: int
) -> list[datetime]:
    """Starts of the ``newest`` decided windows before an instant, newest first, however long the history is."""
    rows = _rows(
        warehouse, schema, "windows_before", project=project, monitor=monitor, comparison=comparison, baseline_version=baseline_version,
        before=before, newest=newest,
    )  # fmt: skip
    return [r["window_start"] for r in rows]


def _in_turns(warehouse: Warehouse, schema: str, template: str, view: str, *, wide: bool, **params: Any) -> list[Row]:
    """All rows of a template; where there may be many (``wide``), some segments at a time."""
    if not wide:
        return _rows(warehouse, schema, template, segments=None, **params)
    counts = _rows(warehouse, schema, "segment_counts", view=Markup(view), start=params.get("start"), **{k: v for k, v in params.items() if k != "start"})
    turns: list[list[str]] = [[]]
    size = 0
    for r in counts:
        size += int(r["n"])
        if size > TURN and turns[-1]:
            turns.append([])
            size = int(r["n"])
        turns[-1].append(r["segment"])
    return [row for some in turns if some for row in _rows(warehouse, schema, template, segments=some, **params)]


def previous_raw(warehouse: Warehouse, schema: str, project: str, monitor: str, comparison: str, baseline_version: str, before: datetime, newest: int) -> dict[Key, list[Verdict]]:
    """Raw verdicts of the ``newest`` decided windows before ``before``, newest first, for the k-of-n rule.

    Only keys that were a warning or an alert in one of them; in the other windows they stand as ok.
    """
    if newest < 1:
        return {}
    starts = starts_before(warehouse, schema, project, monitor, comparison, baseline_version, before, newest)
    found: dict[Key, list[Verdict]] = {}
    for place, start in enumerate(starts):
        for key, verdict in raised(warehouse, schema, project, monitor, comparison, baseline_version, start).items():
            found.setdefault(key, [Verdict.OK] * len(starts))[place] = verdict
    return found


def raised(
    warehouse: Warehouse, schema: str, project: str, monitor: str, comparison: str, baseline_version: str, start: datetime, *, wide: bool = False
) -> dict[Key, Verdict]:
    """Raw verdicts of one decided window that were a warning or an alert. ``wide``: there may be thousands."""
    rows = _in_turns(
        warehouse, schema, "raised", "wd_v_results", wide=wide, project=project, monitor=monitor, comparison=comparison, baseline_version=baseline_version, start=start
    )  # fmt: skip
    return {(r["segment"], r["column_name"], r["statistic"]): Verdict(r["raw_decision"]) for r in rows}


def window_results(warehouse: Warehouse, schema: str, project: str, monitor: str, comparison: str, baseline_version: str, window_start: datetime, *, wide: bool = False) -> list[Row]:
    """The stored results of one window: enough to decide it again without a scan (see ``summary_of``). ``wide``: there may
    be thousands."""
    return _in_turns(
        warehouse, schema, "window_results", "wd_v_results", wide=wide, project=project, monitor=monitor, comparison=comparison,
        baseline_version=baseline_version, start=window_start,
    )  # fmt: skip


def summary_of(row: Mapping[str, Any]) -> Summary:
    """The input of a decision, from a row of ``window_results``. A row that had a value carries no reason code: that
    one was the decision's, and is found again."""
    known = row["value"] is not None
    return Summary(
        segment=row["segment"], segment_column=row["segment_column"], segment_value=row["segment_value"], column_name=row["column_name"],
        column_kind=row["column_kind"], role=row["role"], statistic=row["statistic"], value=row["value"], lower=row["value_lower"],
        upper=row["value_upper"], n_reference=int(row["n_reference"] or 0), n_current=int(row["n_current"] or 0), test_value=row["test_value"],
        test_df=row["test_df"], expected=row["expected"], bins=row["bins"], reason_code=None if known else row["reason_code"],
        detail="" if known else detail_of(row["reason"], row["reason_code"]),
    )  # fmt: skip


def baselines(warehouse: Warehouse, schema: str, project: str, monitor: str) -> list[Row]:
    """Baselines of a monitor, newest last."""
    return _rows(warehouse, schema, "baselines", project=project, monitor=monitor)


def grids(warehouse: Warehouse, schema: str, project: str, monitor: str, baseline_version: str) -> dict[str, Row]:
    """column_name -> grid (grid_id, column_kind, role, data_type, cell_count, status, spec as JSON text, run_id)."""
    return {r["column_name"]: r for r in _rows(warehouse, schema, "grids", project=project, monitor=monitor, baseline_version=baseline_version)}


def grid_bins(warehouse: Warehouse, schema: str, project: str, monitor: str, baseline_version: str, column_name: str | None = None) -> dict[str, list[Row]]:
    """column_name -> bins in order."""
    found: dict[str, list[Row]] = {}
    for r in _rows(warehouse, schema, "grid_bins", project=project, monitor=monitor, baseline_version=baseline_version, column_name=column_name):
        found.setdefault(r["column_name"], []).append(r)
    return found


def noise(
    warehouse: Warehouse, schema: str, project: str, monitor: str, comparison: str, baseline_version: str, basis: str
) -> dict[Key, tuple[float | None, int]] | None:
    """(segment, column_name, statistic) -> (largest value, windows); None when no run has finished measuring it on this
    basis (``plan.build.noise_basis``)."""
    key = {
        "project": project, "monitor": monitor, "comparison": comparison, "baseline_version": baseline_version, "basis": basis,
    }  # fmt: skip
    closed = _rows(warehouse, schema, "noise_closed", **key)[0]
    if not closed["closed"]:
        return None
    rows = _in_turns(warehouse, schema, "noise", "wd_v_noise", wide=int(closed.get("most") or 0) > TURN, **key)
    return {
        (r["segment"], r["column_name"], r["statistic"]): (r["max_value"], int(r["windows"])) for r in rows
    }


def status(warehouse: Warehouse, schema: str, project: str | None = None) -> list[Row]:
    """Rows of ``monitor_status``."""
    return _rows(warehouse, schema, "status", project=project)


def incidents(warehouse: Warehouse, schema: str, project: str, monitor: str, since: datetime | None = None) -> list[Row]:
    """Rows of ``drift_alerts`` that were seen since an instant."""
    return _rows(warehouse, schema, "incidents", project=project, monitor=monitor, since=since)


def lost(warehouse: Warehouse, schema: str, project: str, monitor: str) -> dict[str, tuple[datetime, datetime]]:
    """run_id -> the time (naive UTC, half-open) that an abandoned run had shown and that no run has made again."""
    rows = _rows(warehouse, schema, "lost", project=project, monitor=monitor)
    found = {r["run_id"]: json.loads(r["detail"]) for r in rows}
    return {
        k: (datetime.fromisoformat(v["from"]).replace(tzinfo=None), datetime.fromisoformat(v["to"]).replace(tzinfo=None)) for k, v in found.items()
    }


def run_state(warehouse: Warehouse, schema: str, run_id: str, project: str, monitor: str) -> str | None:
    """running, finished, failed or abandoned; None for a run without events. Ask before publishing after a long wait."""
    found = _rows(warehouse, schema, "run_state", run_id=run_id, project=project, monitor=monitor)
    return str(found[0]["state"]) if found else None
