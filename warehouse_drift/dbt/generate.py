"""``dbt generate``: the profile and the metrics of a monitor as two dbt models, from the templates that ``run`` uses.

The grids, the values with cells of their own, the segments and the calendar of a published baseline are written into the
models: a job with dbt alone then needs no Python. What only Python can do (p-values, the baseline's own noise,
refinement) is not in them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from markupsafe import Markup

from warehouse_drift.config.dbt_meta import nodes, read_manifest
from warehouse_drift.config.instants import instant
from warehouse_drift.config.load import load_config
from warehouse_drift.config.resolved import ResolvedMonitor
from warehouse_drift.dbt.collect import Collected
from warehouse_drift.dbt.project import Written, open_project, write_files
from warehouse_drift.errors import UsageError
from warehouse_drift.pipeline import baseline, profile
from warehouse_drift.pipeline.baseline import Gridded
from warehouse_drift.pipeline.columns import measure
from warehouse_drift.pipeline.compare import NAMED_UNSEEN
from warehouse_drift.pipeline.context import Context, column_params
from warehouse_drift.pipeline.facts import filtered, source_of
from warehouse_drift.pipeline.grids import Slice
from warehouse_drift.pipeline.metrics import pool, summaries
from warehouse_drift.pipeline.noise import psi_limits, statistics_of
from warehouse_drift.pipeline.session import Session
from warehouse_drift.plan.build import baseline_buckets, bucket_unit, naive, week_start_of, window_unit, zone_of
from warehouse_drift.plan.calendar import Span, spans
from warehouse_drift.plan.clock import bucket_sql, clock_of, reading
from warehouse_drift.results import migrate, read
from warehouse_drift.results.tables import WHOLE_BASELINE
from warehouse_drift.sql.environment import identifier
from warehouse_drift.sql.render import render
from warehouse_drift.statistics.registry import BY_NAME
from warehouse_drift.verbs_run import plan_monitor, resolved_monitor
from warehouse_drift.warehouse.connect import open_warehouse

MOST_BUCKETS = 2_000
"""Longer calendars make models that engines are slow to plan."""
_SOURCE, _FROM, _CELLS, _THIS = "wd_dbt_source", "wd_dbt_from", "wd_v_cells", "wd_dbt_this"


@dataclass(frozen=True, slots=True)
class DbtGenerated:
    """``until``: the first instant (UTC) that the models no longer know."""

    files: tuple[Written, ...]
    until: datetime


def dbt_generate(
    config: str,
    monitor: str,
    *,
    project_dir: str = ".",
    until: str | None = None,
    target: str | None = None,
    force: bool = False,
) -> DbtGenerated:
    """Writes ``<monitor>_drift_cells`` (incremental) and ``<monitor>_drift_metrics`` into a dbt project. Reads the published
    baseline; writes nothing in the warehouse.

    Args:
        until: first local date that is no longer known; default: a year from now.

    Raises:
        UsageError: when the monitor has no published baseline, no timestamp, a baseline of its own relation, or is not on
            a model or source of the project's manifest.
    """
    project = open_project(project_dir)
    loaded = load_config(config, target=target)
    given = loaded.monitor(monitor)
    manifest = Path(config).parent / loaded.warehouse.dbt_manifest
    with open_warehouse(loaded.url, read_only=True) as warehouse:
        has_state = migrate.installed_version(warehouse, loaded.warehouse.result_schema) > 0
        if has_state:
            migrate.check_version(warehouse, loaded.warehouse.result_schema)
        resolved, _ = resolved_monitor(warehouse, loaded, given)
        source = _reference(manifest, resolved)
        plan = plan_monitor(warehouse, loaded, given, as_of=None, has_state=has_state)
        if plan.baseline is None:
            raise UsageError(
                f"The monitor {monitor} has no published baseline.", hint=f"Run: warehouse-drift run --select {monitor}"
            )
        calendar = _calendar(resolved, until, read.now(warehouse))
        context = Context(warehouse, loaded.warehouse.result_schema, plan, "dbt")
        with Session(warehouse) as session:
            gridded = baseline.load(session, context, measure(resolved.columns, warehouse.dialect, plan.measured))
            known = _known(session, context, gridded)
        name = re.sub(r"\W+", "_", monitor).strip("_").lower()
        cells, first = _cells(context, gridded, known, calendar)
        metrics = _metrics(context, gridded, calendar)
    folder = f"{project.models}/warehouse_drift"
    files = {
        f"{folder}/{name}_drift_cells.sql": _CELLS_MODEL.replace("<sql>", _filled(cells, source, name, first)),
        f"{folder}/{name}_drift_metrics.sql": _METRICS_MODEL.replace("<sql>", _filled(metrics, source, name, first)),
    }
    return DbtGenerated(write_files(project, files, force=force), calendar[-1].end)


def _reference(manifest: Path, monitor: ResolvedMonitor) -> str:
    """``ref('flights')`` or ``source('erp', 'orders')`` of the monitor's relation."""
    try:
        there = list(nodes(read_manifest(manifest)))
    except ValueError as error:
        raise UsageError(f"dbt generate: {error}.") from None
    for node in there:
        if node.get("relation_name") == monitor.relation.text:
            name = node.get("name")
            return f"source('{node['source_name']}', '{name}')" if node.get("source_name") else f"ref('{name}')"
    raise UsageError(
        f"The monitor {monitor.name} is on {monitor.relation.text}, which is no model or source of {manifest}.",
        hint="Give its relation as ref('model') or source('name', 'table').",
    )


def _calendar(monitor: ResolvedMonitor, until: str | None, now: datetime) -> tuple[Span, ...]:
    """The buckets of the baseline, and those after it up to ``until``."""
    if monitor.timestamp is None or monitor.baseline.relation is not None or not baseline_buckets(monitor):
        raise UsageError(
            f"The monitor {monitor.name} cannot be generated: dbt generate needs a timestamp and a baseline that is a time"
            " range of the monitor's own relation."
        )
    if monitor.baseline.where != monitor.where:
        raise UsageError(f"The monitor {monitor.name} cannot be generated: its baseline has a where: of its own.")
    own = baseline_buckets(monitor)
    try:
        end = naive(instant(until, zone_of(monitor))) if until else now + timedelta(days=366)
    except ValueError as error:
        raise UsageError(f"--until {until}: {error}.", hint="Write a date, as 2027-01-01.") from error
    assert end is not None
    last = own[-1].end
    after = spans(bucket_unit(monitor), zone_of(monitor), last, end, week_start_of(monitor))
    found = (*own, *(replace(s, start=max(s.start, last)) for s in after))
    if len(found) > MOST_BUCKETS:
        raise UsageError(
            f"{len(found):,} buckets are too many for a model (at most {MOST_BUCKETS:,}).", hint="Choose a nearer --until."
        )
    return found


def _known(session: Session, context: Context, gridded: Gridded) -> list[dict[str, Any]]:
    """The values of the published baseline that have cells of their own (as keys; texts only where privacy allows)."""
    others = [m for m in gridded.measured if not m.is_numeric]
    if not others:
        return []
    columns = column_params(others, gridded.ids)
    rows = session.rows(
        "store/known_values", s=context.s, columns=columns, whole_baseline=WHOLE_BASELINE, **context.key
    )
    return sorted(rows, key=lambda r: (int(r["column_no"]), str(r["cell_key"])))


def _cells(
    context: Context, gridded: Gridded, known: Sequence[Mapping[str, Any]], calendar: Sequence[Span]
) -> tuple[str, str]:
    """(the SELECT of the profile, the SELECT of where an incremental run begins)."""
    monitor, warehouse = context.monitor, context.warehouse
    stamp = monitor.timestamp
    assert stamp is not None
    session = Collected(warehouse)
    where = source_of(warehouse, monitor)
    assert where.time is not None
    begun = Markup("{} >= {}").format(where.time, identifier(_FROM))
    piece = Slice(
        identifier(_SOURCE),
        filtered(monitor, where, calendar[0].start, calendar[-1].end, begun),
        bucket_sql(stamp, where.time, calendar),
        gridded.segments.code(),
    )
    numeric = profile.numeric_cells(session, gridded.measured, gridded.grids, piece)
    values = profile.value_cells(session, gridded.measured, piece, baseline.salt(context))
    cells = session.scratch(
        "cells",
        "profile/cells",
        numeric=numeric,
        values=values,
        known=session.scratch("known", "dbt/known_cells", rows=list(known)) if values else None,
        wide=list(gridded.wide),
        named=NAMED_UNSEEN,
    )
    marginal = session.scratch(
        "marginal", "profile/marginal_cells", cells=cells, keys=list(gridded.segments.keys), whole=False
    )
    selected = session.statement(
        "store/cells",
        marginal=marginal,
        columns=column_params(gridded.measured, gridded.ids),
        buckets=profile.bucket_params(calendar),
        key=context.key,
    )
    readings = [{"start": b.start, "reading": reading(stamp, b.start)} for b in calendar]
    first = render(
        "dbt/first_reading",
        {
            "this": identifier(_THIS),
            "readings": readings,
            "clock": clock_of(stamp),
            "first": readings[0]["reading"],
            "again": stamp.late + 1,
        },
        warehouse.dialect,
    ).sql
    return selected, first


def _metrics(context: Context, gridded: Gridded, calendar: Sequence[Span]) -> str:
    """The SELECT of every statistic of every window that the calendar holds."""
    monitor = context.monitor
    begin, after = calendar[0].start, baseline_buckets(monitor)[-1].end
    pairs: list[dict[str, Any]] = []
    sides: list[dict[str, Any]] = []
    for comparison in monitor.comparisons:
        unit = window_unit(monitor, comparison)
        windows = spans(unit, zone_of(monitor), begin, calendar[-1].end, week_start_of(monitor))
        for i, w in enumerate(windows):
            if w.start < after or w.end > calendar[-1].end:
                continue
            no = len(pairs)
            pairs.append({"no": no, "comparison": comparison.name, "start": w.start, "end": w.end, "date": w.date})
            start, end = (begin, after) if comparison.against == "baseline" else (windows[i - 1].start, windows[i - 1].end)
            sides.append({"side": "c", "pair_no": no, "start": w.start, "end": w.end, "sign": 1})
            sides.append({"side": "r", "pair_no": no, "start": start, "end": end, "sign": 1})
    if not pairs:
        raise UsageError(f"The monitor {monitor.name} has no whole window after its baseline.", hint="Choose a later --until.")
    session = Collected(context.warehouse)
    columns = column_params(gridded.measured, gridded.ids)
    stored = session.scratch(
        "sides", "metrics/stored_sides", s=Markup(""), key=context.key, columns=columns, first_key=gridded.segments.first,
        sides=sides, spans=[(begin, calendar[-1].end)],
    )  # fmt: skip
    numbers = [m.number for m in gridded.measured if m.is_numeric]
    pooled = pool(session, stored, gridded.bins, numeric=numbers, warn=0.1, warns=psi_limits(gridded))
    summaries(session, pooled, [s for s in statistics_of(context) if s in BY_NAME])
    limits = [
        {"number": m.number, "statistic": s, "warn": t.warn, "alert": t.alert}
        for m in gridded.measured
        for s, t in m.column.thresholds.items()
    ]
    kinds = [
        {"statistic": s, "number": m.number}
        for s in statistics_of(context)
        for m in gridded.measured
        if m.column.kind.value in BY_NAME[s].kinds
    ]
    return session.statement(
        "dbt/judged", statistics=session.results, columns=columns, pairs=pairs, limits=limits, kinds=kinds,
        cells=Markup(_CELLS), key=context.key,
    )  # fmt: skip


def _filled(sql: str, source: str, name: str, first: str) -> str:
    """SQL as dbt's Jinja: what looks like Jinja is kept from it, and the names that stand for relations become calls."""
    text = _quiet(sql)
    text = re.sub(rf"[\"`]?\b{_SOURCE}\b[\"`]?", f"{{{{ {source} }}}}", text)
    text = re.sub(rf"[\"`]?\b{_CELLS}\b[\"`]?", f"{{{{ ref('{name}_drift_cells') }}}}", text)
    begin = re.sub(rf"[\"`]?\b{_THIS}\b[\"`]?", "{{ this }}", _quiet(first))
    newer = re.compile(rf"(src\.(?:\"[^\"]*\"|`[^`]*`|\w+)) >= [\"`]?\b{_FROM}\b[\"`]?")
    if not newer.search(text):
        return text
    text = newer.sub(r"{% if is_incremental() %}\1 >= ({{ wd_from }}){% else %}1 = 1{% endif %}", text)
    return f"{{% set wd_from -%}}\n{begin}\n{{%- endset %}}\n{text}"


def _quiet(sql: str) -> str:
    return re.sub(r"\{[{%#]", lambda m: "{{ '" + m[0] + "' }}", sql)


_CELLS_MODEL = """{{
    config(materialized='incremental', incremental_strategy='delete+insert', unique_key='bucket_start', tags=['drift'])
}}
-- The profile of the monitor: counts on the grids of its published baseline, a bucket at a time. An incremental run reads the
-- newest buckets again. Made by warehouse-drift dbt generate; make it again after `baseline refresh`.
<sql>
"""
_METRICS_MODEL = """{{ config(materialized='table', tags=['drift']) }}
-- Every statistic of every complete window, from the profile alone, with fixed limits. Made by warehouse-drift dbt generate.
<sql>
"""
