"""Which buckets are profiled and which windows are decided: from facts to a plan, without a warehouse."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from warehouse_drift.config.hashes import hashed
from warehouse_drift.config.resolved import ComparisonSpec, ResolvedMonitor
from warehouse_drift.plan.calendar import Span, span_at, spans
from warehouse_drift.plan.model import (
    Asked,
    ColumnState,
    ComparisonPlan,
    Facts,
    KnownBaseline,
    KnownWindow,
    MonitorPlan,
    WindowPlan,
    looks_back,
)

FIRST_WINDOWS = 14
"""The first run of a comparison also judges this many complete windows of the past."""


def zone_of(monitor: ResolvedMonitor) -> str:
    return monitor.timestamp.time_zone if monitor.timestamp else "UTC"


def week_start_of(monitor: ResolvedMonitor) -> int:
    return monitor.timestamp.week_start if monitor.timestamp else 0


def bucket_unit(monitor: ResolvedMonitor) -> str:
    return monitor.timestamp.bucket if monitor.timestamp else "day"


def window_unit(monitor: ResolvedMonitor, comparison: ComparisonSpec) -> str:
    """A snapshot (no timestamp) is its own window, whatever the comparison says."""
    return comparison.window if monitor.timestamp else "day"


def naive(instant: datetime | None) -> datetime | None:
    if instant is None or instant.tzinfo is None:
        return instant
    offset = instant.utcoffset() or timedelta()
    return instant.replace(tzinfo=None) - offset


def baseline_range(monitor: ResolvedMonitor) -> tuple[datetime, datetime] | None:
    """Naive UTC, half-open; None for a baseline that is a relation without a range."""
    start, end = naive(monitor.baseline.start), naive(monitor.baseline.end)
    return (start, end) if start is not None and end is not None else None


def baseline_buckets(monitor: ResolvedMonitor) -> tuple[Span, ...]:
    """Buckets of the baseline's range; the first and the last are cut to it, so that they add up to it exactly."""
    limits = baseline_range(monitor)
    if limits is None:
        return ()
    found = spans(bucket_unit(monitor), zone_of(monitor), *limits, week_start_of(monitor))
    return tuple(Span(max(s.start, limits[0]), min(s.end, limits[1]), s.date) for s in found)


def judgeable(monitor: ResolvedMonitor, span: Span) -> bool:
    """Windows that share rows with the baseline are never judged."""
    limits = baseline_range(monitor)
    if limits is None or monitor.baseline.relation is not None:
        return True
    return span.end <= limits[0] or span.start >= limits[1]


def whole_windows(monitor: ResolvedMonitor, comparison: ComparisonSpec) -> tuple[Span, ...]:
    """The baseline's own windows of a comparison's length."""
    limits = baseline_range(monitor)
    if limits is None:
        return ()
    found = spans(window_unit(monitor, comparison), zone_of(monitor), *limits, week_start_of(monitor))
    return tuple(s for s in found if s.start >= limits[0] and s.end <= limits[1])


def noise_basis(monitor: ResolvedMonitor, comparison: ComparisonSpec) -> str:
    """What the baseline's noise is computed from, as a hash, apart from the baseline version: a comparison that keeps its
    name but gets another window, or bins that another psi limit merges, have another noise."""
    psi = {c.name: (t.warn, t.alert) for c in monitor.columns if (t := c.thresholds.get("psi")) is not None}
    spans_of = [(s.start, s.end) for s in whole_windows(monitor, comparison)]
    time = monitor.timestamp
    clock = [time.bucket, time.time_zone, time.week_start] if time else None
    return hashed([comparison.window, comparison.against, clock, spans_of, sorted(monitor.statistics), psi])


def is_due(facts: Facts, span: Span) -> bool:
    """A bucket or window is due when it has ended: by the delay after its end, or by a newer row."""
    time = facts.monitor.timestamp
    if time is None:
        return True
    if time.detection_delay is not None:
        return facts.now >= span.end + time.detection_delay
    return facts.newest is not None and facts.newest >= span.end


def edge(facts: Facts) -> datetime | None:
    """Nothing at or after this instant is looked at."""
    time = facts.monitor.timestamp
    if time is None:
        return facts.now
    if time.detection_delay is not None:
        return facts.now if facts.oldest is not None else None
    return facts.newest


def previous_of(facts: Facts, comparison: ComparisonSpec, span: Span) -> Span | None:
    """The window that a window is compared with; without a timestamp the snapshot before, whenever that was made."""
    monitor = facts.monitor
    if comparison.against != "previous":
        return None
    if monitor.timestamp is None and facts.snapshot_before is not None:
        return span_at("day", "UTC", facts.snapshot_before)
    unit = window_unit(monitor, comparison)
    return span_at(unit, zone_of(monitor), span.start - timedelta(microseconds=1), week_start_of(monitor))


def complete_windows(facts: Facts, comparison: ComparisonSpec, first: datetime, last: datetime) -> list[Span]:
    """Due windows that start in [first, last), not before the monitor's first bucket, and may be judged."""
    monitor = facts.monitor
    if monitor.timestamp is None:
        return [span_at("day", "UTC", facts.now)]
    found = spans(window_unit(monitor, comparison), zone_of(monitor), first, last, week_start_of(monitor))
    if facts.oldest is None:
        return []
    since = _bucket_start(facts, facts.oldest)
    return [s for s in found if s.start >= max(first, since) and is_due(facts, s) and judgeable(monitor, s)]


def _bucket_start(facts: Facts, instant: datetime) -> datetime:
    """A window that begins before the monitor's first bucket would look like one with missing rows."""
    monitor = facts.monitor
    return span_at(bucket_unit(monitor), zone_of(monitor), instant, week_start_of(monitor)).start


def first_start(facts: Facts, comparison: ComparisonSpec) -> datetime:
    """Where the first run of a comparison begins: so that its last 14 complete windows are judged."""
    monitor, last = facts.monitor, edge(facts)
    if monitor.timestamp is None or last is None or facts.oldest is None:
        return facts.now
    limits = baseline_range(monitor)
    floor = _bucket_start(facts, facts.oldest)
    if limits is not None and monitor.baseline.relation is None and limits[1] <= last:
        floor = max(floor, limits[1])  # the past before the baseline is for backfill
    width = {"hour": 1, "day": 24, "week": 168, "month": 744}[window_unit(monitor, comparison)]
    near = max(floor, last - timedelta(hours=width * (FIRST_WINDOWS + 2)))
    found = complete_windows(facts, comparison, _opening(facts, comparison, near), last)
    chosen = found[-FIRST_WINDOWS:]
    return chosen[0].start if chosen else last


def _opening(facts: Facts, comparison: ComparisonSpec, instant: datetime) -> datetime:
    """Start of the first window that begins at or after ``instant``."""
    monitor = facts.monitor
    span = span_at(window_unit(monitor, comparison), zone_of(monitor), instant, week_start_of(monitor))
    return span.start if span.start == instant else span.end


def looked_at(facts: Facts, asked: Asked) -> datetime:
    """The oldest instant whose published state matters to this run (``facts`` need no buckets for it)."""
    monitor, starts = facts.monitor, [edge(facts) or facts.now]
    late = _late_buckets(facts, starts[0])
    zone, week = zone_of(monitor), week_start_of(monitor)
    for comparison in monitor.comparisons:
        unit = window_unit(monitor, comparison)
        decided = [w.start for w in facts.windows if _is_window_of(monitor, comparison, w)]
        at = min([*(s.start for s in late), max(decided) if decided else first_start(facts, comparison)])
        if asked.start is not None:
            at = min(at, asked.start)
        for _ in range(comparison.k_of_n[1] if comparison.against == "baseline" else 2):
            span = span_at(unit, zone, at, week)
            starts.append(span.start)
            at = span.start - timedelta(microseconds=1)
    return min(starts)


def _late_buckets(facts: Facts, last: datetime) -> list[Span]:
    time = facts.monitor.timestamp
    if time is None or facts.oldest is None or not time.late:
        return []
    width = {"hour": 1, "day": 25, "week": 169, "month": 745}[time.bucket]
    first = max(facts.oldest, last - timedelta(hours=width * (time.late + 2)))
    found = [s for s in spans(time.bucket, time.time_zone, first, last, time.week_start) if is_due(facts, s)]
    return [s for s in found[-time.late :] if judgeable(facts.monitor, s)]


def build(facts: Facts, asked: Asked | None = None) -> MonitorPlan:
    """The plan of one monitor."""
    asked = (asked or Asked()).with_lost(facts.lost)
    monitor = facts.monitor
    baseline = None if asked.refresh_baseline else facts.baseline
    fresh = baseline is None
    counter = facts.highest_counter + 1 if baseline is None else baseline.counter
    version = f"{facts.definition_hash}-{counter}" if baseline is None else baseline.version
    grids = {} if fresh else dict(facts.grids)
    states = list(facts.states)
    stuck = {s.name for s in states}
    to_grid = []
    for c in monitor.columns:
        known = grids.get(c.name)
        if c.name in stuck:
            continue
        if known is None or (known.status == "ok" and c.name not in facts.profiled):
            to_grid.append(c.name)
        elif known.status != "ok":
            states.append(ColumnState(c.name, c.kind.value, c.role.value, "no_baseline", "it has no values there"))
        elif known.kind != c.kind.value or (
            known.type_family != c.type_family and not _compatible(known.type_family, c.type_family)
        ):
            detail = f"it was {known.type_family} and is {c.type_family}"
            states.append(ColumnState(c.name, c.kind.value, c.role.value, "type_changed", detail))
        elif known.signature != signature(monitor, c.name):
            detail = "its expression or segments changed; run: warehouse-drift baseline refresh"
            states.append(ColumnState(c.name, c.kind.value, c.role.value, "grid_changed", detail))
    known_buckets = {} if fresh else facts.buckets
    known_windows = () if fresh else facts.windows
    wanted_units = _wanted_units(monitor, {s.name for s in states}, segment_keys(monitor, baseline))
    last = edge(facts)
    comparisons: list[ComparisonPlan] = []
    needed: dict[datetime, Span] = {}
    late: list[Span] = []
    if last is not None:
        late = [] if monitor.timestamp is None else [b for b in _late_buckets(facts, last) if b.start in known_buckets]
        for comparison in monitor.comparisons:
            windows = _windows(facts, comparison, asked, known_windows, late, last, fresh=fresh)
            plan = ComparisonPlan(
                comparison,
                tuple(windows),
                fresh or comparison.name not in facts.noise or bool(to_grid),
                whole_windows(monitor, comparison),
                noise_basis(monitor, comparison),
            )
            comparisons.append(plan)
            for w in windows:
                if not w.from_store:
                    earlier = [w.previous] if w.previous and monitor.timestamp else []  # a past snapshot is gone
                    for span in (w.span, *earlier):
                        needed |= {b.start: b for b in _buckets_in(facts, span) if judgeable(monitor, b)}
        if monitor.timestamp is not None:
            since = facts.latest_bucket if not fresh else None
            if since is not None and since < last:
                following = spans(monitor.timestamp.bucket, zone_of(monitor), since, last, week_start_of(monitor))
                needed |= {b.start: b for b in following if is_due(facts, b) and judgeable(monitor, b)}
            if asked.start is not None and asked.end is not None:
                inside = spans(
                    monitor.timestamp.bucket, zone_of(monitor), asked.start, asked.end, week_start_of(monitor)
                )
                needed |= {b.start: b for b in inside if is_due(facts, b) and judgeable(monitor, b)}
    buckets = [
        b
        for _, b in sorted(needed.items())
        if asked.covers(b) or b.start not in known_buckets or known_buckets[b.start].units < wanted_units
    ]
    if monitor.timestamp is None:
        today = [b for b in buckets if b.start in known_buckets]
        late, buckets = today, [b for b in buckets if b.start not in known_buckets]
        if not buckets and not late:
            late = [span_at("day", "UTC", facts.now)]
    chosen = {b.start for b in buckets}
    return MonitorPlan(
        monitor=monitor,
        now=facts.now,
        definition_hash=facts.definition_hash,
        baseline_version=version,
        baseline_counter=counter,
        baseline=baseline,
        grids=grids,
        to_grid=tuple(to_grid),
        baseline_buckets=baseline_buckets(monitor),
        buckets=tuple(buckets),
        late=tuple(b for b in late if b.start not in chosen),
        comparisons=tuple(comparisons),
        states=tuple(states),
        null_times=facts.null_times,
        future_rows=facts.future_rows,
        rows_per_bucket=_rows_per_bucket(facts),
        has_history=bool(known_windows),
        repairs=() if asked.refresh_baseline else tuple(facts.lost),
    )


def signature(monitor: ResolvedMonitor, column: str) -> str:
    """What makes the stored cells of a column comparable: its expression and the segment columns."""
    expression = next((c.expression for c in monitor.columns if c.name == column), None) or ""
    keys = ",".join(f"{s.column}:{s.max_values}" for s in monitor.segments)
    return f"{expression}|{keys}"


def _compatible(before: str, now: str) -> bool:
    numbers = {"integer", "decimal", "float"}
    times = {"date", "timestamp", "timestamptz"}
    return {before, now} <= numbers or {before, now} <= times


def segment_keys(monitor: ResolvedMonitor, baseline: KnownBaseline | None) -> tuple[str, ...]:
    """Segment columns that the baseline knows; one empty name where there is none."""
    known = [s.column for s in monitor.segments if baseline is None or s.column in baseline.segments]
    return tuple(known) or ("",)


def _wanted_units(monitor: ResolvedMonitor, stuck: set[str], keys: Sequence[str]) -> int:
    """Units that a complete bucket has: every measured column and the table row, once for each segment column."""
    measured = sum(c.name not in stuck for c in monitor.columns)
    return (measured + 1) * len(keys)


def _buckets_in(facts: Facts, span: Span) -> list[Span]:
    monitor = facts.monitor
    if monitor.timestamp is None:
        return [span]
    return list(spans(monitor.timestamp.bucket, zone_of(monitor), span.start, span.end, week_start_of(monitor)))


def _windows(
    facts: Facts,
    comparison: ComparisonSpec,
    asked: Asked,
    decided: Sequence[KnownWindow],
    late: Sequence[Span],
    last: datetime,
    *,
    fresh: bool,
) -> list[WindowPlan]:
    """Windows of one comparison in order of time, each with the reason why it is decided."""
    monitor = facts.monitor
    known = {w.start: w for w in decided if _is_window_of(monitor, comparison, w)}
    newest = max(known) if known else None
    begin = first_start(facts, comparison) if newest is None else min(known)
    if asked.start is not None:
        unit, zone = window_unit(monitor, comparison), zone_of(monitor)
        begin = min(begin, span_at(unit, zone, asked.start, week_start_of(monitor)).start)
    oldest_late = min((b.start for b in late), default=None)
    found: list[WindowPlan] = []
    changed_before = -(10**9)
    every = complete_windows(facts, comparison, begin, last)
    for place, span in enumerate(every):
        previous = previous_of(facts, comparison, span)
        covered = [span] if previous is None else [previous, span]
        why = ""
        old = known.get(span.start)
        if any(asked.covers(s) for s in covered):
            why = "asked"
        elif old is None:
            first = first_start(facts, comparison) if newest is None else newest
            why = "new" if span.start >= first and (newest is None or span.start > newest) else ""
        elif _newer_units(facts, covered, old):
            why = "restated"
        elif monitor.timestamp is None or (
            oldest_late is not None and any(b.start < s.end and b.end > s.start for b in late for s in covered)
        ):
            why = "late"
        elif place - changed_before < looks_back(comparison):
            why = "follows"
        if why and why not in ("follows",):
            changed_before = place
        if why:
            found.append(WindowPlan(span, previous, why))
    planned = {w.span.start for w in found}
    for stale in () if fresh else facts.stale:
        if _is_window_of(monitor, comparison, stale) and stale.start not in planned:
            span = Span(stale.start, stale.end, _date(monitor, comparison, stale.start))
            found.append(WindowPlan(span, previous_of(facts, comparison, span), "rules"))
    return sorted(found, key=lambda w: w.span.start)


def _is_window_of(monitor: ResolvedMonitor, comparison: ComparisonSpec, window: KnownWindow) -> bool:
    """Windows of another length, from before the configuration changed under the same name, stay as they were decided."""
    span = span_at(window_unit(monitor, comparison), zone_of(monitor), window.start, week_start_of(monitor))
    return window.comparison == comparison.name and (span.start, span.end) == (window.start, window.end)


def _date(monitor: ResolvedMonitor, comparison: ComparisonSpec, start: datetime) -> date:
    return span_at(window_unit(monitor, comparison), zone_of(monitor), start, week_start_of(monitor)).date


def _newer_units(facts: Facts, covered: Sequence[Span], old: KnownWindow) -> bool:
    """Whether a published bucket of these windows was scanned after the window was decided."""
    return any(
        s.start <= at < s.end and bucket.newest_scan > old.decided_at
        for s in covered
        for at, bucket in facts.buckets.items()
    )


def _rows_per_bucket(facts: Facts) -> int:
    counts = sorted(b.rows for b in facts.buckets.values())
    if counts:
        return counts[len(counts) // 2]
    buckets = len(baseline_buckets(facts.monitor))
    return round(facts.baseline.row_count / max(buckets, 1)) if facts.baseline else 0
