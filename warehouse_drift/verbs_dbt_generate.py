"""The verb ``dbt generate``: reads the published baseline and its limits, and writes dbt models. It writes no table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from warehouse_drift.config.instants import instant
from warehouse_drift.config.load import load_config
from warehouse_drift.config.model import Config, MonitorConfig
from warehouse_drift.dbt.calendar import before, buckets_of, is_whole
from warehouse_drift.dbt.files import relation_code, slug
from warehouse_drift.dbt.generate import Given, files
from warehouse_drift.dbt.project import Written, open_project, write_files
from warehouse_drift.dbt.weave import MARK
from warehouse_drift.errors import UsageError
from warehouse_drift.pipeline.baseline import Gridded, load
from warehouse_drift.pipeline.columns import measure
from warehouse_drift.pipeline.context import Context
from warehouse_drift.pipeline.noise import own_noise
from warehouse_drift.pipeline.session import Session
from warehouse_drift.plan.build import baseline_range, naive, noise_basis, window_unit, zone_of
from warehouse_drift.plan.calendar import span_at
from warehouse_drift.plan.model import ComparisonPlan, MonitorPlan
from warehouse_drift.results import migrate
from warehouse_drift.results.tables import WHOLE_BASELINE
from warehouse_drift.statistics.registry import BY_NAME
from warehouse_drift.verbs_run import plan_monitor
from warehouse_drift.warehouse.connect import open_warehouse

AHEAD = timedelta(days=731)
"""How far the calendar of the models reaches beyond today."""
_TURN = 8_000


@dataclass(frozen=True, slots=True)
class Generated:
    """The files of one monitor, and the job that uses them."""

    files: tuple[Written, ...]
    job: str


def generate(
    path: str,
    monitor: str,
    project_dir: str,
    *,
    target: str | None = None,
    relation: str | None = None,
    since: str | None = None,
    until: str | None = None,
    folder: str | None = None,
    force: bool = False,
) -> Generated:
    """Writes the models, seeds and tests of one monitor into a dbt project.

    Args:
        relation: Jinja of the watched relation, as ``source('shop', 'orders')``; default: ``ref`` of the configuration,
            or what dbt's manifest knows the table as, or its plain name.
        since, until: the calendar's first and last date, in the monitor's zone; default: the first window that ``run``
            decided, and two years from now.
        folder: below models/, seeds/ and tests/; default: drift/<monitor>.
        force: also replace files that were changed by hand.

    Raises:
        UsageError: where the baseline is not published yet, and for monitors that have no timestamp.
    """
    project, config = open_project(project_dir), load_config(path, target=target)
    manifest = Path(path).parent / config.warehouse.dbt_manifest
    given, below = config.monitor(monitor), folder or f"drift/{slug(monitor)}"
    with open_warehouse(config.url, read_only=True, roles=config.roles) as warehouse:
        dialect, schema = warehouse.dialect, config.warehouse.result_schema
        if not dialect.dbt:
            raise UsageError(f"dbt generate does not know {dialect.name}.", hint="It writes models for DuckDB and PostgreSQL.")
        if not migrate.installed_version(warehouse, schema):
            raise _unpublished(monitor)
        migrate.check_version(warehouse, schema)
        plan = plan_monitor(warehouse, config, given, as_of=None, has_state=True)
        _check(plan)
        context = Context(warehouse, schema, plan, "")
        measured = measure(plan.monitor.columns, dialect, plan.measured)
        with Session(warehouse) as session:
            gridded = load(session, context, measured)
            starts = _starts(session, context)
            rows = _baseline(session, context, gridded)
        if not gridded.measured:
            raise _unpublished(monitor)
        limits = {
            c.name: own_noise(context, gridded, ComparisonPlan(c, (), False, (), noise_basis(plan.monitor, c)), lambda _: None)
            for c in plan.monitor.comparisons
        }
        first = _instant(since, plan) if since else None
        if first is not None:
            starts = dict.fromkeys(starts, first)
        last = _instant(until, plan) if until else plan.now + AHEAD
        found = Given(
            context,
            gridded,
            relation or relation_code(_written(config, given), given.relation or "", manifest),
            rows,
            buckets_of(plan.monitor, _first_bucket(plan, starts), last),
            starts,
            limits,
            below,
        )
        if len(found.buckets) < 2:
            raise UsageError(f"monitor {monitor}: there is no bucket between {first or 'its first window'} and {last}.", hint="Give a later --until.")
        texts = files(found, project)
    chosen = " ".join(f"path:{place}/{below}" for place in (project.seeds, project.models, project.tests))
    return Generated(write_files(project, texts, force=force), f"dbt build --select {chosen}")


def _unpublished(monitor: str) -> UsageError:
    return UsageError(
        f"monitor {monitor}: there is no published baseline yet, and the models are made from it.",
        hint=f"Run it once: warehouse-drift run --select {monitor} (or let another machine run it against the same result schema).",
    )


def _check(plan: MonitorPlan) -> None:
    monitor = plan.monitor
    if monitor.timestamp is None:
        raise UsageError(
            f"monitor {monitor.name}: it has no timestamp, so each run is a snapshot, which dbt cannot take by bucket.",
            hint="Give the monitor a timestamp, or use: warehouse-drift run",
        )
    if plan.baseline is None or plan.to_grid:
        raise _unpublished(monitor.name)
    closed = [s for s in monitor.statistics if s in BY_NAME and BY_NAME[s].source in ("ranks", "moments")]
    if closed:
        raise UsageError(
            f"monitor {monitor.name}: it asks for {closed[0]}, and the models have neither rank statistics nor tests of means.",
            hint="Leave it out of the monitor's statistics and limits, or use: warehouse-drift run",
        )
    texts = [monitor.where or "", monitor.relation.text, *(c.expression or "" for c in monitor.columns), *(c.name for c in monitor.columns)]
    if any(MARK in t for t in texts):
        raise UsageError(f"monitor {monitor.name}: {MARK} is a word of this package.", hint="Rename what is called so.")


def _written(config: Config, given: MonitorConfig) -> str:
    return config.written((*config.path_of(given), "relation"))


def _instant(text: str, plan: MonitorPlan) -> datetime:
    try:
        found = naive(instant(text, zone_of(plan.monitor)))
    except ValueError as error:
        raise UsageError(f"{text}: {error}.", hint="Write a date, as 2025-05-14.") from error
    assert found is not None
    return found


def _starts(session: Session, context: Context) -> dict[str, datetime]:
    """Where the windows of each comparison begin: as those that were decided, else after the baseline."""
    m, limits = context.monitor, baseline_range(context.monitor)
    key = {"project": m.project, "monitor": m.monitor_id, "baseline_version": context.plan.baseline_version}
    known = {str(r["comparison"]): r["starts"] for r in session.rows("dbt/first_windows", s=context.s, **key)}
    other = min(known.values(), default=limits[1] if limits and m.baseline.relation is None else context.plan.now)
    return {c.name: known.get(c.name, other) for c in m.comparisons}


def _first_bucket(plan: MonitorPlan, starts: dict[str, datetime]) -> datetime:
    """Early enough for the first window of every comparison, and for the one before where that is its reference."""
    m, found = plan.monitor, []
    for c in m.comparisons:
        span = span_at(window_unit(m, c), zone_of(m), starts[c.name], m.timestamp.week_start if m.timestamp else 0)
        earlier = before(m, c, span)
        found.append(earlier.start if c.against == "previous" and is_whole(m, earlier) else starts[c.name])
    return min(found)


def _baseline(session: Session, context: Context, gridded: Gridded) -> list[dict[str, Any]]:
    """The published baseline as rows of a seed. Values of segments stand behind a sign, because dbt reads an empty text
    and the text null as NULL."""
    shared: dict[str, Any] = {"s": context.s, "key": context.key, "whole_baseline": WHOLE_BASELINE}
    none = {"cell_kind": "rows", "cell_index": 0, "cell_key": "", "cell_left": None, "s": 0.0, "q": 0.0, "min_value": None, "max_value": None}
    found = [{"column_name": ":table", "grid_id": "", **none, **r} for r in session.rows("dbt/baseline_rows", **shared)]
    for m in gridded.measured:
        own = {"column_name": m.name, "grid_id": gridded.ids[m.name]}
        for row in _in_turns(session, shared | {"column": m.name, "grid_id": gridded.ids[m.name]}):
            found.append(own | row)
    return [r | {"segment_value": f"={r['segment_value']}"} for r in found]


def _in_turns(session: Session, params: dict[str, Any]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    while True:
        some: Sequence[dict[str, Any]] = session.rows("dbt/baseline_cells", after=len(rows), most=_TURN, **params)
        rows += some
        if len(some) < _TURN:
            return rows
