"""The calendar of generated models: buckets and windows as rows of seeds. Pure; instants are naive UTC."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from warehouse_drift.config.resolved import ComparisonSpec, ResolvedMonitor, TimestampSpec
from warehouse_drift.pipeline.noise import WHOLE_PART
from warehouse_drift.plan.build import (
    baseline_buckets,
    baseline_range,
    bucket_unit,
    judgeable,
    week_start_of,
    window_unit,
    zone_of,
)
from warehouse_drift.plan.calendar import Span, span_at, spans
from warehouse_drift.plan.clock import reading

Row = dict[str, Any]
_TICK = timedelta(microseconds=1)


def buckets_of(monitor: ResolvedMonitor, first: datetime, until: datetime) -> tuple[Span, ...]:
    """Adjacent buckets from the one that holds ``first`` to the last that ends by ``until``."""
    found = spans(bucket_unit(monitor), zone_of(monitor), first, until, week_start_of(monitor))
    return tuple(s for s in found if s.end <= until)


def bucket_rows(spec: TimestampSpec, buckets: tuple[Span, ...]) -> list[Row]:
    return [
        {
            "bucket_no": i,
            "bucket_start": b.start,
            "bucket_end": b.end,
            "window_date": b.date,
            "clock_start": _shown(spec, b.start),
            "clock_end": _shown(spec, b.end),
        }
        for i, b in enumerate(buckets)
    ]


def _shown(spec: TimestampSpec, instant: datetime) -> str:
    """What the timestamp column shows at an instant, as text that a cast reads."""
    found = reading(spec, instant)
    if isinstance(found, datetime):
        zone = "+00:00" if spec.type_family == "timestamptz" else ""
        return found.isoformat(sep=" ") + zone
    return found.isoformat() if isinstance(found, date) else str(found)


def window_rows(monitor: ResolvedMonitor, starts: Mapping[str, datetime], buckets: tuple[Span, ...]) -> list[Row]:
    """Windows that are whole sums of ``buckets``, comparison by comparison, from its start on."""
    found: list[Row] = []
    for comparison in monitor.comparisons:
        for span in _windows(monitor, comparison, starts[comparison.name], buckets[-1].end):
            pair = _reference(monitor, comparison, span, buckets)
            if span.start >= buckets[0].start and span.end <= buckets[-1].end and pair is not None:
                start, end, scale = pair
                found.append(
                    {
                        "pair_no": len(found),
                        "window_key": f"{comparison.name} {span.start.isoformat()}",
                        "comparison": comparison.name,
                        "comparison_kind": comparison.against,
                        "window_start": span.start,
                        "window_end": span.end,
                        "window_date": span.date,
                        "reference_start": start,
                        "reference_end": end,
                        "row_scale": scale,
                    }
                )
    return found


def _windows(monitor: ResolvedMonitor, comparison: ComparisonSpec, first: datetime, until: datetime) -> list[Span]:
    found = spans(window_unit(monitor, comparison), zone_of(monitor), first, until, week_start_of(monitor))
    return [s for s in found if s.start >= first and judgeable(monitor, s)]


def before(monitor: ResolvedMonitor, comparison: ComparisonSpec, span: Span) -> Span:
    return span_at(window_unit(monitor, comparison), zone_of(monitor), span.start - _TICK, week_start_of(monitor))


def _reference(
    monitor: ResolvedMonitor, comparison: ComparisonSpec, span: Span, buckets: tuple[Span, ...]
) -> tuple[datetime, datetime, float | None] | None:
    """(start, end, expected rows of the window per row of the reference) of what a window is compared with; None where
    the profile of these buckets does not hold it."""
    here = sum(span.start <= b.start < span.end for b in buckets)
    if comparison.against != "previous":
        own = len(baseline_buckets(monitor))
        return WHOLE_PART.start, WHOLE_PART.end, here / own if own else None
    earlier = before(monitor, comparison, span)
    there = sum(earlier.start <= b.start < earlier.end for b in buckets)
    known = earlier.start >= buckets[0].start and is_whole(monitor, earlier)
    return (earlier.start, earlier.end, here / there) if known and there else None


def is_whole(monitor: ResolvedMonitor, span: Span) -> bool:
    """Whether ``run`` keeps whole buckets of a window: those of a baseline are cut to its range."""
    limits = baseline_range(monitor)
    return limits is None or judgeable(monitor, span) or (span.start >= limits[0] and span.end <= limits[1])
