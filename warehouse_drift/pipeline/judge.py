"""Decides windows and writes them: from summaries to published rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from warehouse_drift.config.resolved import ComparisonSpec
from warehouse_drift.decisions.decide import COLUMN_STATE, Key, Noise, Rules, column_state, decide
from warehouse_drift.decisions.model import Decision, Summary, Verdict
from warehouse_drift.decisions.rows import decision_row
from warehouse_drift.pipeline.context import Context
from warehouse_drift.plan.build import baseline_range, window_unit, zone_of
from warehouse_drift.plan.calendar import Span, label
from warehouse_drift.plan.model import ColumnState, WindowPlan
from warehouse_drift.results import read, write


@dataclass(frozen=True, slots=True)
class DecidedWindow:
    """What a run says about one window."""

    monitor: str
    comparison: str
    span: Span
    title: str
    rows: int
    decisions: tuple[Decision, ...]


@dataclass(slots=True)
class Before:
    """Raw verdicts of the windows before, newest first, for the k-of-n rule; carried from window to window."""

    newest: int
    windows: list[tuple[datetime, dict[Key, Verdict]]] = field(default_factory=list)
    """newest last"""

    def of(self, start: datetime) -> dict[Key, list[Verdict]]:
        earlier = [w for w in self.windows if w[0] < start][-self.newest :] if self.newest else []
        keys = {k for _, raised in earlier for k in raised}
        return {k: [raised.get(k, Verdict.OK) for _, raised in reversed(earlier)] for k in keys}

    def add(self, start: datetime, decisions: Sequence[Decision]) -> None:
        raised: dict[Key, Verdict] = {
            (d.summary.segment, d.summary.column_name, d.summary.statistic): d.raw
            for d in decisions
            if d.raw in (Verdict.WARN, Verdict.ALERT)
        }
        self.put(start, raised)

    def put(self, start: datetime, raised: dict[Key, Verdict]) -> None:
        self.windows = sorted([w for w in self.windows if w[0] != start] + [(start, raised)], key=lambda w: w[0])


def before(context: Context, comparison: ComparisonSpec, windows: Sequence[WindowPlan]) -> Before:
    """What is known of the windows before each planned one."""
    newest = comparison.k_of_n[1] - 1
    found = Before(newest)
    if newest < 1 or not windows:
        return found
    m = context.monitor
    key = (context.warehouse, context.schema, m.project, m.monitor_id)
    version = context.plan.baseline_version
    first = windows[0].span.start
    inside = read.decided_windows(
        *key, comparison=comparison.name, baseline_version=version, start=first, end=windows[-1].span.start
    )
    starts = sorted(
        {r["window_start"] for r in inside} | set(read.starts_before(*key, comparison.name, version, first, newest))
    )
    planned = {w.span.start for w in windows}
    wanted: set[datetime] = set()
    for w in windows:
        wanted |= set([s for s in starts if s < w.span.start][-newest:])
    for start in sorted(wanted - planned):
        found.put(start, read.raised(*key, comparison.name, version, start, wide=context.wide))
    return found


def state_summaries(states: Sequence[ColumnState]) -> list[Summary]:
    return [column_state(s.name, s.kind, s.role, s.code, s.detail) for s in states]


def judge(
    context: Context,
    comparison: ComparisonSpec,
    rules: Rules,
    noise: Noise,
    window: WindowPlan,
    summaries: Sequence[Summary],
    known: Before,
) -> DecidedWindow:
    """Decides one window; its verdicts are then known to the windows after it."""
    decisions = decide(summaries, rules, noise, known.of(window.span.start))
    known.add(window.span.start, decisions)
    unit = window_unit(context.monitor, comparison)
    rows = next((s.n_current for s in summaries if s.statistic == "row_count" and s.segment == "all"), 0)
    if not rows:
        rows = max((s.n_current for s in summaries if s.segment == "all" and s.statistic == "missing_rate"), default=0)
    title = label(unit, window.span, zone_of(context.monitor))
    return DecidedWindow(context.monitor.name, comparison.name, window.span, title, rows, tuple(decisions))


def publish(
    context: Context,
    comparison: ComparisonSpec,
    window: WindowPlan,
    decisions: Sequence[Decision],
    grid_ids: Mapping[str, str],
    at: datetime,
) -> None:
    """Appends a window's rows, then its publish record."""
    rows = [result_row(context, comparison, window, d, grid_ids, at) for d in decisions]
    write.publish_results(context.warehouse, context.schema, rows)


def result_row(
    context: Context,
    comparison: ComparisonSpec,
    window: WindowPlan,
    decision: Decision,
    grid_ids: Mapping[str, str],
    at: datetime,
) -> dict[str, Any]:
    """One row of wd_results."""
    m, s = context.monitor, decision.summary
    limits = (window.previous.start, window.previous.end) if window.previous else baseline_range(m) or (None, None)
    return {
        **context.key,
        "comparison": comparison.name,
        "comparison_kind": comparison.against,
        "window_start": window.span.start,
        "window_end": window.span.end,
        "window_date": window.span.date,
        "time_zone": zone_of(m),
        "granularity": window_unit(m, comparison) if m.timestamp else "snapshot",
        "is_complete": True,
        "reference_start": limits[0],
        "reference_end": limits[1],
        "grid_id": "" if s.statistic == COLUMN_STATE else grid_ids.get(s.column_name, ""),
        "owner": m.owner,
        **decision_row(decision),
        "test_value": s.test_value,
        "test_df": s.test_df,
        "expected": s.expected,
        "bins": s.bins,
        "raw_decision": decision.raw.value,
        "decided_at": at,
        "config_hash": m.config_hash,
    }


def stored_summaries(context: Context, comparison: ComparisonSpec, start: datetime) -> list[Summary]:
    """The summaries of a decided window, without the data set's own row, which is decided anew."""
    m = context.monitor
    rows = read.window_results(
        context.warehouse,
        context.schema,
        m.project,
        m.monitor_id,
        comparison.name,
        context.plan.baseline_version,
        start,
        wide=context.wide,
    )
    return [read.summary_of(r) for r in rows if r["statistic"] != "drifted_share"]
