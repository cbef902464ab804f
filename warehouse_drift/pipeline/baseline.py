"""Grids and profile of the baseline, made once per version from the same scans."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from markupsafe import Markup

from warehouse_drift.errors import UsageError
from warehouse_drift.grid.fit import resolution
from warehouse_drift.grid.spec import Bin, NumericGrid, from_json, grid_id
from warehouse_drift.pipeline import profile
from warehouse_drift.pipeline.columns import Measured
from warehouse_drift.pipeline.compare import VALUE_CAP
from warehouse_drift.pipeline.context import Context, Segmenting, column_params, segmenting
from warehouse_drift.pipeline.facts import baseline_source, filtered, known_grid
from warehouse_drift.pipeline.grids import GridResult, Slice, build_grids
from warehouse_drift.pipeline.session import Session
from warehouse_drift.plan.build import baseline_range, signature
from warehouse_drift.plan.clock import bucket_sql
from warehouse_drift.plan.model import KnownGrid
from warehouse_drift.results import read, write
from warehouse_drift.results.tables import WHOLE_BASELINE
from warehouse_drift.sql.environment import identifier

RULES = "1"
"""Version of the rules by which grids are chosen; part of every grid_id."""


@dataclass(frozen=True, slots=True)
class Gridded:
    """What later stages need of the baseline's grids. ``wide``: columns with more values than cells."""

    measured: tuple[Measured, ...]
    ids: Mapping[str, str]
    grids: Mapping[int, NumericGrid]
    bins: Mapping[int, tuple[Bin, ...]]
    wide: tuple[int, ...]
    segments: Segmenting
    no_values: tuple[Measured, ...] = ()


def salt(context: Context) -> str:
    """Keeps md5 keys of values from being looked up in a table of common words."""
    return hashlib.sha256(context.monitor.project.encode()).hexdigest()[:16]


def segment_values(session: Session, context: Context) -> dict[str, tuple[tuple[str, ...], bool]]:
    """The baseline's most frequent values of every segment column."""
    monitor = context.monitor
    source = baseline_source(context.warehouse, monitor)
    limits = baseline_range(monitor) or (None, None)
    found = {}
    for spec in monitor.segments:
        rows = session.rows(
            "profile/segment_values",
            source=source.relation,
            filter=filtered(monitor, source, *limits),
            x=Markup("src.") + identifier(spec.column),
            most=spec.max_values,
        )
        values = [str(r["value"]) for r in rows]
        listed = values[: spec.max_values]
        listed += [v for v in spec.alert_on if v not in listed]
        found[spec.column] = (tuple(listed), len(values) <= spec.max_values)
    return found


def make(session: Session, context: Context, measured: Sequence[Measured]) -> int:
    """Grids of the columns that have none, and their baseline profile; rows scanned.

    A race of two first runs ends with the grids of the one that wrote first: they are read back before profiling.
    """
    plan, monitor = context.plan, context.monitor
    new = [m for m in measured if m.name in plan.to_grid]
    if not new and plan.baseline is not None:
        return 0
    at = read.now(context.warehouse)
    source = baseline_source(context.warehouse, monitor)
    limits = baseline_range(monitor) or (None, None)
    values = dict(plan.baseline.segments) if plan.baseline else segment_values(session, context)
    segments = segmenting(monitor, values)
    buckets = plan.baseline_buckets
    bucket = None
    if buckets and monitor.timestamp is not None and source.time is not None:
        bucket = bucket_sql(monitor.timestamp, source.time, buckets)
    where = Slice(source.relation, filtered(monitor, source, *limits), bucket, segments.code())
    counted = session.rows("profile/row_count", source=where.source, filter=where.filter)[0]
    rows = int(counted["row_count"])
    if not rows:
        raise UsageError(
            f"monitor {monitor.name}: the baseline has no rows{_range_words(limits)}.",
            hint="Choose a baseline that has rows (from, to, where).",
        )
    k = resolution(rows / max(len(buckets), 1))
    built = build_grids(session, [m.numeric for m in new if m.is_numeric], where, k)
    valued = profile.value_cells(session, new, where, salt(context))
    wide = _wide(session, valued)
    known = session.scratch("known", "profile/known_values", values=valued, cap=VALUE_CAP) if valued else None
    numeric: list[dict[str, Any]] = [{"cells": t, "columns": list(n)} for t, n in built.cells]
    scan = profile.scanned(session, new, where, numeric, valued, known, wide)
    counts = {
        int(r["column_no"]): (int(r["n"]), int(r["cells"]))
        for r in session.rows("profile/has_values", cells=scan.cells)
    }
    _write_grids(context, new, built, wide, counts, at)
    if plan.baseline is None:
        _write_baseline(context, rows, values, k, at)
    stored = _stored_grids(context)
    ids = {m.name: stored[m.name].grid_id for m in new}
    theirs = {m.number: from_json(stored[m.name].spec) for m in new if stored[m.name].spec}
    if any(theirs[n] != built.grids[n] for n in theirs):  # another run's grids came first
        numeric = profile.numeric_cells(session, new, theirs, where)
        scan = profile.scanned(session, new, where, numeric, valued, known, wide)
    whole = profile.levels(session, scan, segments, whole=True)
    if buckets:
        by_bucket = profile.levels(session, scan, segments, whole=False)
        profile.store(context, by_bucket, new, ids, segments, profile.bucket_params(buckets), at)
    profile.store(context, whole, new, ids, segments, profile.WHOLE, at)
    return rows


def _range_words(limits: tuple[datetime | None, datetime | None]) -> str:
    start, end = (t.isoformat(sep=" ", timespec="minutes") if t else "..." for t in limits)
    return f" between {start} and {end} UTC" if any(limits) else ""


def load(session: Session, context: Context, measured: Sequence[Measured]) -> Gridded:
    """The stored grids of this baseline, joined with the columns of the run."""
    stored = _stored_grids(context)
    usable = [m for m in measured if m.name in stored and stored[m.name].status == "ok"]
    empty = [m for m in measured if m.name in stored and stored[m.name].status != "ok"]
    bins = read.grid_bins(
        context.warehouse,
        context.schema,
        context.monitor.project,
        context.monitor.monitor_id,
        context.plan.baseline_version,
    )
    by_number = {
        m.number: tuple(
            Bin(
                int(b["bin_index"]),
                b["bin_label"],
                b["bin_lower"],
                b["bin_upper"],
                int(b["cell_from"]),
                int(b["cell_to"]),
            )
            for b in bins.get(m.name, [])
        )
        for m in usable
        if m.is_numeric
    }
    values: Mapping[str, tuple[tuple[str, ...], bool]]
    if context.plan.baseline is not None:
        values = context.plan.baseline.segments
    else:
        rows = read.baselines(context.warehouse, context.schema, context.monitor.project, context.monitor.monitor_id)
        spec = json.loads(next(r["spec"] for r in rows if r["baseline_version"] == context.plan.baseline_version))
        values = {k: (tuple(v["values"]), bool(v["complete"])) for k, v in spec["segments"].items()}
    return Gridded(
        tuple(usable),
        {m.name: stored[m.name].grid_id for m in (*usable, *empty)},
        {m.number: from_json(stored[m.name].spec) for m in usable if stored[m.name].spec},
        by_number,
        tuple(m.number for m in usable if stored[m.name].wide),
        segmenting(context.monitor, values),
        tuple(empty),
    )


def known_values(session: Session, context: Context, gridded: Gridded) -> Markup | None:
    """The stored vocabulary of the categorical columns, as a scratch table."""
    others = [m for m in gridded.measured if not m.is_numeric]
    if not others:
        return None
    columns = column_params(others, gridded.ids)
    return session.scratch(
        "known", "store/known_values", s=context.s, columns=columns, whole_baseline=WHOLE_BASELINE, **context.key
    )


def _wide(session: Session, valued: Sequence[Markup]) -> tuple[int, ...]:
    if not valued:
        return ()
    rows = session.rows("profile/wide_columns", values=list(valued))
    return tuple(int(r["column_no"]) for r in rows if int(r["distinct_count"]) > VALUE_CAP)


def _stored_grids(context: Context) -> dict[str, KnownGrid]:
    rows = read.grids(
        context.warehouse,
        context.schema,
        context.monitor.project,
        context.monitor.monitor_id,
        context.plan.baseline_version,
    )
    return {name: known_grid(name, row) for name, row in rows.items()}


def _write_grids(
    context: Context,
    new: Sequence[Measured],
    built: GridResult,
    wide: Sequence[int],
    counts: Mapping[int, tuple[int, int]],
    at: Any,
) -> None:
    grids: list[dict[str, Any]] = []
    bins: list[dict[str, Any]] = []
    fixed: dict[str, Any] = dict(context.key)
    for m in new:
        grid = built.grids.get(m.number)
        n, cells = counts.get(m.number, (0, 0))
        vocabulary = "" if grid is not None else context.plan.baseline_version
        identity = grid_id(str(m.x), m.column.kind.value, grid, RULES, vocabulary)
        spec = {
            "family": m.column.type_family,
            "signature": signature(context.monitor, m.name),
            "grid": asdict(grid) if grid else None,
            "wide": m.number in wide,
        }
        grids.append(
            fixed
            | {
                "column_name": m.name,
                "grid_id": identity,
                "column_kind": m.column.kind.value,
                "role": m.column.role.value,
                "data_type": m.column.data_type,
                "cell_count": cells,
                "status": "ok" if n else "no_values",
                "spec": json.dumps(spec, sort_keys=True),
                "created_at": at,
            }
        )
        for b in built.bins.get(m.number, ()):
            bins.append(
                fixed
                | {
                    "column_name": m.name,
                    "grid_id": identity,
                    "bin_index": b.index,
                    "bin_label": b.label,
                    "bin_lower": b.lower,
                    "bin_upper": b.upper,
                    "cell_from": b.cell_from,
                    "cell_to": b.cell_to,
                }
            )
    write.insert_rows(context.warehouse, context.schema, "wd_grid_bins", bins)
    write.insert_rows(context.warehouse, context.schema, "wd_grids", grids)


def _write_baseline(
    context: Context, rows: int, values: Mapping[str, tuple[tuple[str, ...], bool]], k: int, at: Any
) -> None:
    limits = baseline_range(context.monitor) or (None, None)
    spec = {
        "segments": {c: {"values": list(v), "complete": complete} for c, (v, complete) in values.items()},
        "resolution": k,
    }
    row = context.key | {
        "baseline_counter": context.plan.baseline_counter,
        "definition_hash": context.plan.definition_hash,
        "reference_start": limits[0],
        "reference_end": limits[1],
        "row_count": rows,
        "spec": json.dumps(spec, sort_keys=True),
        "created_at": at,
    }
    write.insert_rows(context.warehouse, context.schema, "wd_baselines", [row])


__all__ = ["Gridded", "known_values", "load", "make", "segment_values"]
