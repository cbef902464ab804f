"""A plan as text and as JSON: what would be scanned, decided and stored, before anything is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from warehouse_drift.plan.build import bucket_unit, zone_of
from warehouse_drift.plan.calendar import Span, label
from warehouse_drift.plan.model import MonitorPlan, Plan
from warehouse_drift.statistics.registry import BY_NAME

_PER_YEAR = {"hour": 8766.0, "day": 365.25, "week": 52.18, "month": 12.0}
CELLS = 108
"""Rows of a profile per (bucket, segment, column) at the default resolution of 100 cells, at most."""


def as_dict(plan: Plan) -> dict[str, Any]:
    """Only plain values, ready for JSON."""
    return {
        "project": plan.project,
        "result_schema": plan.schema,
        "monitors": [monitor_dict(m) for m in plan.monitors],
        "failed": [{"monitor": name, "reason": why} for name, why in plan.failed],
    }


def monitor_dict(plan: MonitorPlan) -> dict[str, Any]:
    segments = segment_count(plan)
    unit = bucket_unit(plan.monitor)
    stored = cells_per_bucket(plan)
    return {
        "monitor": plan.monitor.name,
        "baseline_version": plan.baseline_version,
        "baseline_is_new": plan.baseline is None,
        "columns": list(plan.measured),
        "undecidable_columns": [{"column": s.name, "reason_code": s.code, "detail": s.detail} for s in plan.states],
        "bucket": unit,
        "segments": segments,
        "steps": steps(plan),
        "units": {
            "buckets": [_span(b) for b in plan.buckets],
            "late_buckets": [_span(b) for b in plan.late],
            "count": units(plan),
        },
        "scans_per_column": {c: scans(plan, c) for c in plan.measured},
        "windows": [
            {"comparison": c.spec.name, **_span(w.span), "why": w.why} for c in plan.comparisons for w in c.windows
        ],
        "refinement": refinement(plan),
        "profile_rows": {
            "per_bucket_at_most": stored,
            "per_day_at_most": round(stored * _PER_YEAR[unit] / 365.25),
            "per_year_at_most": round(stored * _PER_YEAR[unit]),
        },
        "rows_without_time": plan.null_times,
        "rows_in_the_future": plan.future_rows,
    }


def segment_count(plan: MonitorPlan) -> int:
    """Segments that are stored per column and bucket (one for all rows where there is no segment key)."""
    known = plan.baseline.segments if plan.baseline else {}
    sizes = [len(known[s.column][0]) + 2 if s.column in known else s.max_values + 2 for s in plan.monitor.segments]
    return sum(sizes) or 1


def cells_per_bucket(plan: MonitorPlan) -> int:
    """Most rows that a bucket adds to the stored profiles."""
    total = 0
    for name in plan.measured:
        grid = plan.grids.get(name)
        most = (grid.cell_count or CELLS) + 8 if grid else CELLS
        total += min(most, plan.rows_per_bucket) if plan.rows_per_bucket else most
    return total * segment_count(plan)


def units(plan: MonitorPlan) -> int:
    """Units that are published at most."""
    keys = max(len(plan.monitor.segments), 1)
    fresh = (len(plan.to_grid) + 1) * (len(plan.baseline_buckets) + 1) if plan.to_grid else 0
    return keys * ((len(plan.measured) + 1) * len(plan.profiled) + fresh)


def scans(plan: MonitorPlan, column: str) -> dict[str, int]:
    """Passes over a column's rows: at most five over the baseline when its grid is made, one over due buckets."""
    return {
        "baseline_at_most": 5 if column in plan.to_grid else 0,
        "due_buckets": 1 if plan.profiled else 0,
    }


def refinement(plan: MonitorPlan) -> dict[str, Any]:
    """The only second scan of a run, if a decision needs it: rows that it may read at most."""
    bounded = sorted(
        {
            f"{c.name}.{statistic}"
            for c in plan.monitor.columns
            for statistic in c.thresholds
            if statistic in BY_NAME and BY_NAME[statistic].bounded
        }
    )
    always = plan.monitor.precision == "exact"
    budget = plan.monitor.refine_budget
    windows = sum(not w.from_store for c in plan.comparisons for w in c.windows)
    possible = windows > 0 and (always or bool(bounded))
    baseline = plan.baseline.row_count if plan.baseline else None
    most: int | None = 0
    if possible:
        most = None if baseline is None else windows * (baseline + plan.rows_per_bucket * 31)
        if budget is not None:
            most = budget if most is None else min(most, budget)
    return {
        "possible": possible,
        "when": "always (precision: exact)" if always else "only where an interval leaves two answers",
        "judged_intervals": bounded,
        "budget_rows": budget,
        "most_rows": most,
    }


def steps(plan: MonitorPlan) -> list[dict[str, Any]]:
    """The run's steps in order, each with the templates of its statements."""
    found: list[dict[str, Any]] = []
    if plan.to_grid:
        found.append(
            {
                "step": "grid and baseline profile",
                "columns": list(plan.to_grid),
                "buckets": len(plan.baseline_buckets) or 1,
                "templates": [
                    "profile/row_count", "grid/range", "profile/numeric_cells", "grid/knots", "grid/values", "grid/deciles",
                    "profile/categorical_cells", "profile/bucket_rows", "profile/cells", "profile/marginal_cells", "profile/facts",
                    "store/cells", "store/profiles", "store/units",
                ],
            }
        )  # fmt: skip
    if plan.profiled:
        found.append(
            {
                "step": "profile",
                "buckets": len(plan.buckets),
                "late_buckets": len(plan.late),
                "from": plan.profiled[0].start.isoformat(sep=" "),
                "to": plan.profiled[-1].end.isoformat(sep=" "),
                "templates": [
                    "profile/numeric_cells", "profile/categorical_cells", "profile/bucket_rows", "profile/cells",
                    "profile/marginal_cells", "profile/facts", "store/changed_buckets", "store/cells", "store/profiles", "store/units",
                ],
            }
        )  # fmt: skip
    for c in plan.comparisons:
        if c.noise and c.baseline_windows:
            found.append({"step": "own noise", "comparison": c.spec.name, "windows": len(c.baseline_windows)})
        fresh = [w for w in c.windows if not w.from_store]
        if fresh:
            found.append(
                {
                    "step": "windows",
                    "comparison": c.spec.name,
                    "windows": sum(w.why != "late" for w in fresh),
                    "only_if_late_rows_changed_them": sum(w.why == "late" for w in fresh),
                    "reads": "stored profiles only",
                }
            )
        stored = [w for w in c.windows if w.from_store]
        if stored:
            found.append(
                {
                    "step": "decide again",
                    "comparison": c.spec.name,
                    "windows": len(stored),
                    "reads": "stored summaries only",
                }
            )
    refine = refinement(plan)
    if refine["possible"]:
        found.append({"step": "refine", "conditional": refine["when"], "most_rows": refine["most_rows"]})
    return found


def as_text(plan: Plan) -> str:
    """A few lines a monitor."""
    parts = []
    for m in plan.monitors:
        parts.append(_monitor_text(m))
    parts += [f"{name}: cannot be planned\n  {why}" for name, why in plan.failed]
    return "\n\n".join(parts)


def _monitor_text(plan: MonitorPlan) -> str:
    facts = monitor_dict(plan)
    new = "new" if plan.baseline is None else "known"
    out = [
        f"{plan.monitor.name}: {len(plan.measured)} column(s), {facts['segments']} segment(s), baseline {plan.baseline_version} ({new})"
    ]
    if plan.is_empty:
        out.append("  nothing is due")
    if plan.to_grid:
        out.append(
            f"  grid and baseline of {len(plan.to_grid)} column(s): 2 to 5 scans each over "
            f"{len(plan.baseline_buckets) or 'all'} baseline bucket(s)"
        )
    if plan.buckets:
        out.append(f"  profile {_range(plan, plan.buckets)}: one scan of each column")
    if plan.late:
        out.append(f"  look again for late rows in {_range(plan, plan.late)}: one scan, published only if changed")
    for c in plan.comparisons:
        if c.noise and c.baseline_windows:
            out.append(f"  {c.spec.name}: own noise from {len(c.baseline_windows)} baseline window(s), from profiles")
        by_why: dict[str, int] = {}
        for w in c.windows:
            by_why[w.why] = by_why.get(w.why, 0) + 1
        if by_why:
            listed = ", ".join(f"{n} {why}" for why, n in by_why.items())
            out.append(f"  {c.spec.name}: decide {len(c.windows)} window(s) from profiles ({listed})")
    refine = facts["refinement"]
    if refine["possible"]:
        most = "unknown before the baseline is made" if refine["most_rows"] is None else f"{refine['most_rows']:,} rows"
        out.append(f"  refinement {refine['when']}: a second scan of at most {most}")
    else:
        out.append("  no refinement: no interval is judged")
    rows = facts["profile_rows"]
    out.append(
        f"  stored: at most {rows['per_bucket_at_most']:,} profile rows a {facts['bucket']}, "
        f"{rows['per_day_at_most']:,} a day, {rows['per_year_at_most']:,} a year; {facts['units']['count']:,} unit(s) now"
    )
    out += [f"  {s.name}: {s.code}{f' ({s.detail})' if s.detail else ''}" for s in plan.states]
    if plan.null_times or plan.future_rows:
        out.append(f"  rows in no bucket: {plan.null_times:,} without a time, {plan.future_rows:,} in the future")
    return "\n".join(out)


def _range(plan: MonitorPlan, buckets: Sequence[Span]) -> str:
    unit, zone = bucket_unit(plan.monitor), zone_of(plan.monitor)
    first = label(unit, buckets[0], zone)
    if len(buckets) == 1:
        return f"1 bucket ({first})"
    return f"{len(buckets)} buckets ({first} to {label(unit, buckets[-1], zone)})"


def _span(span: Span) -> dict[str, str]:
    return {"start": span.start.isoformat(sep=" "), "end": span.end.isoformat(sep=" "), "date": span.date.isoformat()}
