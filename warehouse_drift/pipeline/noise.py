"""The noise of a baseline: how much its own windows differ from the rest of it, by every statistic."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from warehouse_drift.config.resolved import Threshold
from warehouse_drift.decisions.decide import Noise
from warehouse_drift.decisions.model import Summary
from warehouse_drift.pipeline.baseline import Gridded
from warehouse_drift.pipeline.context import Context
from warehouse_drift.pipeline.session import Session
from warehouse_drift.pipeline.windows import Pair, Part, in_turns, measure_pairs, noise_of
from warehouse_drift.plan.build import week_start_of, zone_of
from warehouse_drift.plan.calendar import Span, spans
from warehouse_drift.plan.model import ComparisonPlan, MonitorPlan
from warehouse_drift.results import read, write
from warehouse_drift.results.tables import WHOLE_BASELINE
from warehouse_drift.statistics.registry import BY_NAME

WHOLE_PART = Part(WHOLE_BASELINE, datetime(1900, 1, 1, 0, 0, 1))
"""The bucket that holds the sum of the baseline."""
Progress = Callable[[str], None]


def statistics_of(context: Context) -> list[str]:
    """Everything that profiles give cheaply, and what the monitor asks for beyond that and profiles can give."""
    wanted = context.monitor.statistics
    return [
        s.name
        for s in BY_NAME.values()
        if not getattr(s, "asked", False) or (s.name in wanted and s.source != "values")
    ]


def psi_limits(gridded: Gridded) -> dict[int, float]:
    """Columns whose own psi limit decides how far their small bins are merged."""
    found: dict[int, float] = {}
    for m in gridded.measured:
        limit: Threshold | None = m.column.thresholds.get("psi")
        first = None if limit is None else limit.warn if limit.warn is not None else limit.alert
        if first is not None and first != 0.1:
            found[m.number] = first
    return found


def bucket_count(plan: MonitorPlan, span: Span) -> int:
    """Buckets of a window."""
    time = plan.monitor.timestamp
    if time is None:
        return 1
    return len(spans(time.bucket, zone_of(plan.monitor), span.start, span.end, week_start_of(plan.monitor)))


def own_noise(context: Context, gridded: Gridded, comparison: ComparisonPlan, say: Progress) -> Noise:
    """The stored noise of the baseline's own windows, measured first if it is not known yet."""
    plan, m = context.plan, context.monitor
    spec = comparison.spec
    if comparison.noise:
        own = comparison.baseline_windows
        pairs = []
        total = len(plan.baseline_buckets)
        for i, span in enumerate(own):
            here = bucket_count(plan, span)
            current = Part(span.start, span.end)
            if spec.against == "baseline":
                rest = total - here
                if rest > 0:
                    reference = (WHOLE_PART, Part(span.start, span.end, -1))
                    pairs.append(Pair(i, current, reference, here / rest))
            elif i > 0:
                earlier = own[i - 1]
                scale = here / bucket_count(plan, earlier)
                pairs.append(Pair(i, current, (Part(earlier.start, earlier.end),), scale))
        windows: dict[int, list[Summary]] = {}
        if pairs and gridded.measured:
            say(f"{m.name}: own noise of {len(pairs)} baseline window(s), {spec.name}")
            for some in in_turns(pairs, gridded):
                with Session(context.warehouse) as session:
                    found = measure_pairs(session, context, gridded, some, statistics_of(context), psi_limits(gridded))
                    windows |= dict(found.summaries)
        write.publish_noise(
            context.warehouse,
            context.schema,
            noise_of(windows),
            project=m.project,
            monitor=m.monitor_id,
            comparison=spec.name,
            baseline_version=plan.baseline_version,
            basis=comparison.basis,
            run_id=context.run_id,
            at=read.now(context.warehouse),
        )
    stored = read.noise(
        context.warehouse, context.schema, m.project, m.monitor_id, spec.name, plan.baseline_version, comparison.basis
    )
    return {key: (most, windows) for key, (most, windows) in (stored or {}).items() if most is not None}
