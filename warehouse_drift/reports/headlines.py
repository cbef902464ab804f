"""What a run ends with: one line a monitor and comparison, with what a person needs to know next."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from warehouse_drift.decisions import sentences
from warehouse_drift.decisions.model import Decision, Verdict
from warehouse_drift.decisions.thresholds import effect
from warehouse_drift.pipeline.judge import DecidedWindow
from warehouse_drift.pipeline.run import MonitorResult
from warehouse_drift.plan.model import MonitorPlan
from warehouse_drift.results import read
from warehouse_drift.results.place import prefix_in
from warehouse_drift.sql.render import render
from warehouse_drift.warehouse.execute import Warehouse

_WORST = (Verdict.ALERT, Verdict.WARN)


def lines(
    warehouse: Warehouse, schema: str, plan: MonitorPlan, result: MonitorResult, config: str = "drift.yml"
) -> list[str]:
    """The newest decided window of every comparison, the counts of the run, and what is odd about the rows. ``config``
    is the file that the proposed command names."""
    found = []
    for comparison in plan.comparisons:
        windows = [w for w in result.windows if w.comparison == comparison.spec.name]
        if windows:
            newest = max(windows, key=lambda w: w.span.start)
            found.append(_line(warehouse, schema, plan, result, newest, config))
    if not result.windows:
        found.append(f"{result.name}  nothing new to decide")
    decisions = [d for w in result.windows for d in w.decisions]
    if decisions:
        found.append(f"{result.name}  {len(result.windows)} window(s): {sentences.run_counts(decisions)}")
    found += outgrown_lines(plan, result, config)
    if plan.null_times or plan.future_rows:
        found.append(
            f"{result.name}  rows in no bucket: {plan.null_times:,} without a time, {plan.future_rows:,} in the future"
        )
    return found


def outgrown_lines(plan: MonitorPlan, result: MonitorResult, config: str) -> list[str]:
    """What to do about columns that have left their grids in the newest window that was decided; nothing without any."""
    if not result.windows:
        return []
    last = max(w.span.start for w in result.windows)
    newest = [d for w in result.windows if w.span.start == last for d in w.decisions]
    names = list(dict.fromkeys(d.summary.column_name for d in newest if d.reason_code == "grid_outgrown"))
    if not names:
        return []
    shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    advice = sentences.newer_baseline(result.name, plan.monitor.baseline.relation is not None, config)
    return [f"{result.name}  grid_outgrown: {shown}: {sentences.REASONS['grid_outgrown']}; {advice}"]


def worst(decisions: Sequence[Decision]) -> Decision | None:
    """The alert (else the warning) furthest beyond its limit, over all rows before segments."""
    for verdict in _WORST:
        some = [d for d in decisions if d.verdict is verdict and d.summary.column_name != ":table"] or [
            d for d in decisions if d.verdict is verdict
        ]
        if some:
            return max(some, key=lambda d: (d.summary.segment == "all", _times(d)))
    return None


def _times(decision: Decision) -> float:
    at = decision.alert_threshold or decision.warn_threshold
    if at is None or decision.summary.value is None:
        return 0.0
    return effect(decision.summary, decision.summary.value) / at if at > 0 else 0.0


def _line(
    warehouse: Warehouse, schema: str, plan: MonitorPlan, result: MonitorResult, window: DecidedWindow, config: str
) -> str:
    top = worst(window.decisions)
    columns = {d.summary.column_name for d in window.decisions if d.summary.column_name != ":table"}
    head = f"{result.name}  {window.title}  n={window.rows:,}"
    if top is None:
        undecided = sum(d.verdict is Verdict.NONE for d in window.decisions)
        note = f", {undecided} undecided" if undecided else ""
        return f"{head}  OK {len(columns)} columns{note} ({window.comparison})"
    hit = {
        d.summary.column_name
        for d in window.decisions
        if d.verdict is top.verdict and (d.summary.segment == "all") == (top.summary.segment == "all")
    }
    since = _since(warehouse, schema, plan, window, top)
    noise = result.noise.get(window.comparison, {}).get(
        (top.summary.segment, top.summary.column_name, top.summary.statistic), (None, 0)
    )[0]
    parts = [f"{head}  {top.verdict.value.upper()} {len(hit)} of {len(columns)} columns{since}"]
    said = sentences.headline(top, noise)
    where = _where(warehouse, schema, plan, window, top)
    parts.append(f"{said}{where}")
    parts.append(f"next: {sentences.explain_command(result.name, top.summary.column_name, config)}")
    return " · ".join(parts)


def _since(warehouse: Warehouse, schema: str, plan: MonitorPlan, window: DecidedWindow, top: Decision) -> str:
    m = plan.monitor
    for i in reversed(read.incidents(warehouse, schema, m.project, m.monitor_id, window.span.start)):
        same = (i["comparison"], i["segment"], i["column_name"])
        if same == (window.comparison, top.summary.segment, top.summary.column_name) and i["state"] == "open":
            return f" (since {i['opened_date']:%m-%d})"
    return ""


def _where(warehouse: Warehouse, schema: str, plan: MonitorPlan, window: DecidedWindow, top: Decision) -> str:
    """`, 72% from bins >500, country=DE`: the bin and the segment that carry the drift."""
    s = top.summary
    if s.statistic != "psi":
        return ""
    found = ""
    bins = top_bins(
        warehouse, schema, plan.monitor.project, plan.monitor.monitor_id, window.comparison, plan.baseline_version,
        window.span.start, s.segment, s.column_name,
    )  # fmt: skip
    if bins and (bins[0]["total"] or 0) > 0:
        share = float(bins[0]["contribution"]) / float(bins[0]["total"])
        found = f", {share:.0%} from {shown_bin(bins[0])}"
    parts = [
        d
        for d in window.decisions
        if d.summary.segment != "all"
        and (d.summary.column_name, d.summary.statistic) == (s.column_name, s.statistic)
        and d.verdict in _WORST
    ]
    if s.segment == "all" and parts:
        found += f", {max(parts, key=_times).summary.segment}"
    return found


def shown_bin(row: dict[str, Any]) -> str:
    """`values from 500`, `values 12 to 40`, or the value of a categorical bin. An edge that the label calls 0 (it is
    next to nothing beside the bin) is 0 here too."""
    lower, upper = row["bin_lower"], row["bin_upper"]
    if lower is None and upper is None:
        return "a value that is not stored" if row["bin_label"] == sentences.UNNAMED else f"{row['bin_label']}"
    named = re.fullmatch(r"[\[(](.+?), (.+)[\])]", str(row["bin_label"]))
    low, high = (0.0 if named and named[i] == "0" else edge for i, edge in ((1, lower), (2, upper)))
    if high is None:
        return f"values from {sentences.number(float(low))}"
    if low is None:
        return f"values below {sentences.number(float(high))}"
    return f"values {sentences.number(float(low))} to {sentences.number(float(high))}"


def top_bins(
    warehouse: Warehouse, schema: str, project: str, monitor: str, comparison: str, baseline_version: str,
    start: Any, segment: str, column_name: str, most: int = 3,
) -> list[dict[str, Any]]:  # fmt: skip
    """Bins with the largest contributions to psi, the largest first."""
    params = {
        "s": prefix_in(warehouse, schema), "project": project, "monitor": monitor, "comparison": comparison,
        "baseline_version": baseline_version, "start": start, "segment": segment, "column_name": column_name, "most": most,
    }  # fmt: skip
    return warehouse.fetch(render("reports/top_bins", params, warehouse.dialect).sql, name="top bins")
