"""Executes the plan of one monitor: grids, profiles, noise, windows, decisions; every part published when it is whole."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import groupby

from warehouse_drift.config.resolved import ResolvedColumn
from warehouse_drift.decisions.decide import Noise, rules_from
from warehouse_drift.decisions.model import Summary, Verdict
from warehouse_drift.errors import UsageError
from warehouse_drift.pipeline import baseline, profile
from warehouse_drift.pipeline.again import Again, again, copy_bins, measured_again
from warehouse_drift.pipeline.baseline import Gridded
from warehouse_drift.pipeline.columns import measure
from warehouse_drift.pipeline.context import Context, column_params
from warehouse_drift.pipeline.facts import filtered, source_of
from warehouse_drift.pipeline.grids import Slice
from warehouse_drift.pipeline.judge import (
    DecidedWindow,
    before,
    judge,
    publish,
    state_summaries,
)
from warehouse_drift.pipeline.noise import WHOLE_PART, bucket_count, own_noise, psi_limits, statistics_of
from warehouse_drift.pipeline.outgrown import outgrown
from warehouse_drift.pipeline.refinement import Refiner
from warehouse_drift.pipeline.session import Session
from warehouse_drift.pipeline.windows import Measurement, Pair, Part, in_turns, measure_pairs
from warehouse_drift.plan.calendar import Span
from warehouse_drift.plan.clock import bucket_sql
from warehouse_drift.plan.model import ColumnState, ComparisonPlan, MonitorPlan, WindowPlan, looks_back
from warehouse_drift.results import read, write
from warehouse_drift.results.tables import BY_NAME as TABLES
from warehouse_drift.sql.render import render
from warehouse_drift.statistics.registry import BY_NAME
from warehouse_drift.warehouse.execute import Warehouse

HEARTBEAT_SECONDS = 600
BUCKETS_AT_ONCE = 93
"""Buckets a scan: bounds the scratch tables of a long backfill."""
Progress = Callable[[str], None]


@dataclass(slots=True)
class MonitorResult:
    """What a run did for one monitor. ``failed`` is a sentence when it could not finish."""

    name: str
    windows: list[DecidedWindow] = field(default_factory=list)
    noise: dict[str, Noise] = field(default_factory=dict)
    """comparison -> own noise of the baseline"""
    units: int = 0
    rows_scanned: int = 0
    refined_rows: int = 0
    unchanged: int = 0
    """late buckets that were looked at again and had not changed"""
    has_history: bool = False
    failed: str = ""

    @property
    def decided(self) -> int:
        return sum(d.verdict in (Verdict.OK, Verdict.WARN, Verdict.ALERT) for w in self.windows for d in w.decisions)

    @property
    def undecided(self) -> int:
        return sum(d.verdict is Verdict.NONE for w in self.windows for d in w.decisions)


def run_monitor(warehouse: Warehouse, schema: str, plan: MonitorPlan, run_id: str, say: Progress) -> MonitorResult:
    """Runs one monitor's plan. Raises DriftError; what was published before stays, nothing half done is visible."""
    context = Context(warehouse, schema, plan, run_id)
    before = len(warehouse.stats.repeated)
    result = MonitorResult(plan.monitor.name, has_history=plan.has_history)
    facts = {"run_id": run_id, "project": plan.monitor.project, "monitor": plan.monitor.monitor_id}
    write.run_event(
        warehouse,
        schema,
        event="started",
        at=read.now(warehouse),
        versions=json.dumps(_versions(warehouse, plan)),
        **facts,
    )
    try:
        _steps(context, result, _with_heartbeat(context, facts, say))
    except BaseException as error:
        _record_failure(warehouse, schema, facts, error)
        raise
    for dead in plan.repairs:
        write.run_event(warehouse, schema, event="repaired", at=read.now(warehouse), **(facts | {"run_id": dead}))
    write.run_event(
        warehouse,
        schema,
        event="finished",
        at=read.now(warehouse),
        units_profiled=result.units,
        rows_scanned=result.rows_scanned,
        decided=result.decided,
        undecided=result.undecided,
        **_repeats(warehouse.stats.repeated[before:]),
        **facts,
    )
    return result


def _repeats(sentences: Sequence[str]) -> dict[str, str]:
    """What the record of the run says of statements that were sent again."""
    if not sentences:
        return {}
    from warehouse_drift.warehouse.retry import told

    return {"detail": told(sentences)}


def _with_heartbeat(context: Context, facts: dict[str, str], say: Progress) -> Progress:
    """Progress that also tells ``vacuum`` that this run is alive, every few minutes."""
    last = time.monotonic()

    def said(line: str) -> None:
        nonlocal last
        say(line)
        if time.monotonic() - last > HEARTBEAT_SECONDS:
            last = time.monotonic()
            at = read.now(context.warehouse)
            write.run_event(context.warehouse, context.schema, event="heartbeat", at=at, **facts)

    return said


def _record_failure(warehouse: Warehouse, schema: str, facts: dict[str, str], error: BaseException) -> None:
    """The connection may be what failed; the error itself is what the user must see."""
    from contextlib import suppress

    with suppress(Exception):
        detail = str(error)[:500] or type(error).__name__
        write.run_event(warehouse, schema, event="failed", at=read.now(warehouse), detail=detail, **facts)


def _versions(warehouse: Warehouse, plan: MonitorPlan) -> dict[str, str]:
    from importlib.metadata import version

    from warehouse_drift import __version__

    named = {"monitor_id": plan.monitor.stable_id} if plan.monitor.stable_id else {}
    return named | {
        "warehouse_drift": __version__,
        "sqlglot": version("sqlglot"),
        "dialect": warehouse.dialect.name,
        "verified": warehouse.dialect.verified,
    }


def _steps(context: Context, result: MonitorResult, say: Progress) -> None:
    plan = context.plan
    measured = measure(plan.monitor.columns, context.warehouse.dialect, plan.measured)
    if not measured and plan.baseline is None:
        why = "; ".join(f"{s.name}: {s.detail or s.code}" for s in plan.states[:5])
        raise UsageError(
            f"monitor {plan.monitor.name}: none of its columns can be measured ({why}).",
            hint="Run: warehouse-drift check",
        )
    with Session(context.warehouse) as session:
        if plan.to_grid or plan.baseline is None:
            say(f"{plan.monitor.name}: grids and baseline of {len(plan.to_grid)} column(s)")
            result.rows_scanned += baseline.make(session, context, measured)
            result.units += _baseline_units(plan)
        gridded = baseline.load(session, context, measured)
    states = [*plan.states, *(_no_values(m.column) for m in gridded.no_values)]
    changed = _profile(context, gridded, result, say)
    for comparison in plan.comparisons:
        noise = own_noise(context, gridded, comparison, say)
        result.noise[comparison.spec.name] = noise
        _windows(context, gridded, comparison, noise, states, changed, result, say)


def _no_values(column: ResolvedColumn) -> ColumnState:
    return ColumnState(column.name, column.kind.value, column.role.value, "no_baseline", "it has no values there")


def _baseline_units(plan: MonitorPlan) -> int:
    keys = max(len(plan.monitor.segments), 1)
    return (len(plan.to_grid) + 1) * keys * (len(plan.baseline_buckets) + 1)


def _profile(context: Context, gridded: Gridded, result: MonitorResult, say: Progress) -> set[datetime]:
    """Profiles new and late buckets; the starts of those that were published."""
    published: set[datetime] = set()
    for some in _adjacent(context.plan.profiled):
        say(f"{context.monitor.name}: profiling {len(some)} bucket(s) from {some[0].date}")
        with Session(context.warehouse) as session:
            published |= _profile_some(session, context, gridded, some, result)
    return published


def _profile_some(
    session: Session, context: Context, gridded: Gridded, some: Sequence[Span], result: MonitorResult
) -> set[datetime]:
    plan, monitor = context.plan, context.monitor
    at = read.now(context.warehouse)
    source = source_of(context.warehouse, monitor)
    bucket = None
    where_filter = source.where
    if monitor.timestamp is not None and source.time is not None:
        bucket = bucket_sql(monitor.timestamp, source.time, some)
        where_filter = filtered(monitor, source, some[0].start, some[-1].end)
    where = Slice(source.relation, where_filter, bucket, gridded.segments.code())
    numeric = profile.numeric_cells(session, gridded.measured, gridded.grids, where)
    values = profile.value_cells(session, gridded.measured, where, baseline.salt(context))
    known = baseline.known_values(session, context, gridded)
    scan = profile.scanned(session, gridded.measured, where, numeric, values, known, gridded.wide)
    found = profile.levels(session, scan, gridded.segments, whole=False)
    params = profile.bucket_params(some)
    late = {b.start for b in plan.late}
    again = [b for b in params if b["start"] in late]
    moved = profile.changed(session, context, found, gridded.measured, gridded.ids, again)
    kept = [b for b in params if b["start"] not in late or b["no"] in moved]
    result.unchanged += len(params) - len(kept)
    result.units += profile.store(context, found, gridded.measured, gridded.ids, gridded.segments, kept, at)
    rows = session.rows("profile/rows_scanned", rows=scan.rows)[0]["n"]
    result.rows_scanned += int(rows or 0)
    return {b["start"] for b in kept}


def _adjacent(buckets: Sequence[Span]) -> list[list[Span]]:
    """Runs of buckets without a gap, none longer than ``BUCKETS_AT_ONCE``."""
    found: list[list[Span]] = []
    for b in buckets:
        if found and found[-1][-1].end == b.start and len(found[-1]) < BUCKETS_AT_ONCE:
            found[-1].append(b)
        else:
            found.append([b])
    return found


def to_decide(comparison: ComparisonPlan, changed: set[datetime]) -> list[WindowPlan]:
    """The planned windows that are really decided: late ones only if their rows changed, followers only of those."""
    found: list[WindowPlan] = []
    reach = looks_back(comparison.spec)
    last_change = -(10**9)
    for place, w in enumerate(comparison.windows):
        covered = [w.span] if w.previous is None else [w.previous, w.span]
        if w.why == "late":
            if not any(s.start <= at < s.end for s in covered for at in changed):
                if place - last_change < reach:
                    found.append(replace(w, why="follows"))
                continue
            last_change = place
        elif w.why == "follows":
            if place - last_change >= reach:
                continue
        else:
            last_change = place
        found.append(w)
    return found


def _windows(
    context: Context,
    gridded: Gridded,
    comparison: ComparisonPlan,
    noise: Noise,
    states: Sequence[ColumnState],
    changed: set[datetime],
    result: MonitorResult,
    say: Progress,
) -> None:
    plan, spec = context.plan, comparison.spec
    wanted = to_decide(comparison, changed)
    if not wanted:
        return
    say(f"{plan.monitor.name}: {len(wanted)} window(s) of {spec.name}")
    rules = rules_from(plan.monitor, spec)
    known = before(context, spec, wanted)
    outside = outgrown(context, gridded, comparison, wanted)
    pairs = {
        i: _pair(plan, comparison, i, w) for i, w in enumerate(wanted) if not w.from_store or measured_again(context, w)
    }

    def decided(w: WindowPlan, summaries: Sequence[Summary]) -> None:
        made = judge(context, spec, rules, noise, w, summaries, known)
        publish(context, spec, w, made.decisions, gridded.ids, read.now(context.warehouse))
        result.windows.append(made)

    def decided_again(w: WindowPlan, found: Again) -> None:
        if found.summaries:
            copy_bins(context, spec, w, found.columns)
            decided(w, found.summaries)

    done = 0
    for some in _turns(wanted, pairs, gridded):
        numbers = [p.number for p in some]
        stored = wanted[numbers[0]].from_store
        with Session(context.warehouse) as session:
            statistics = [s for s in statistics_of(context) if not stored or BY_NAME[s].source == "bins"]
            found = measure_pairs(session, context, gridded, some, statistics, psi_limits(gridded))
            repeated = {
                i: again(context, spec, wanted[i], (), found.summaries[i]) for i in numbers if wanted[i].from_store
            }
            _write_bins(context, comparison, gridded, found, wanted, repeated)
            refiner = Refiner(session, context, gridded, found)
            while done <= numbers[-1]:
                w, own = wanted[done], outside.get(wanted[done].span.start, ())
                if w.from_store:
                    decided_again(w, repeated[done] if done in repeated else again(context, spec, w, own))
                else:
                    summaries = [*found.summaries[done], *state_summaries([*states, *own])]
                    decided(w, refiner.close(pairs[done], w, summaries, rules, noise))
                done += 1
            result.refined_rows += refiner.rows
    for w in wanted[done:]:
        decided_again(w, again(context, spec, w, outside.get(w.span.start, ())))


def _turns(wanted: Sequence[WindowPlan], pairs: Mapping[int, Pair], gridded: Gridded) -> Iterator[Sequence[Pair]]:
    """Pairs in order of time, those of new windows and those that are decided again apart."""
    for _, some in groupby(pairs.values(), key=lambda p: wanted[p.number].from_store):
        yield from in_turns(list(some), gridded)


def _pair(plan: MonitorPlan, comparison: ComparisonPlan, number: int, window: WindowPlan) -> Pair:
    current = Part(window.span.start, window.span.end)
    here = bucket_count(plan, window.span)
    if window.previous is not None:
        reference = Part(window.previous.start, window.previous.end)
        return Pair(number, current, (reference,), here / bucket_count(plan, window.previous))
    if plan.baseline_buckets:
        return Pair(number, current, (WHOLE_PART,), here / len(plan.baseline_buckets))
    return Pair(number, current, (WHOLE_PART,), 1.0 if plan.monitor.timestamp is None else None)


def _write_bins(
    context: Context,
    comparison: ComparisonPlan,
    gridded: Gridded,
    found: Measurement,
    wanted: Sequence[WindowPlan],
    repeated: Mapping[int, Again],
) -> None:
    """The bins behind psi go from table to table; Python never sees them. Of a window that is decided again only those
    of the columns that were measured again."""
    if found.pooled is None:
        return
    every = tuple(m.name for m in gridded.measured)
    groups: dict[tuple[str, ...], list[WindowPlan]] = {}
    numbers = {wanted[p.number].span.start: p.number for p in found.pairs}
    for p in found.pairs:
        names = repeated[p.number].columns if p.number in repeated else every
        groups.setdefault(names, []).append(wanted[p.number])
    for names, windows in groups.items():
        params: Mapping[str, object] = {
            "s": context.s,
            "key": context.key | {"comparison": comparison.spec.name},
            "bins": found.pooled.bins,
            "columns": column_params([m for m in gridded.measured if m.name in names], gridded.ids),
            "windows": [
                {"no": numbers[w.span.start], "start": w.span.start, "end": w.span.end, "date": w.span.date}
                for w in windows
            ],
        }
        if names:
            select = render("store/bins", params, context.warehouse.dialect).sql
            listed = TABLES["wd_bins"].names
            write.insert_select(context.warehouse, context.schema, "wd_bins", listed, select, template="store/bins")
