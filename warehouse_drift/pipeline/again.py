"""Windows that are decided again without a scan: under other rules, or because a window before them changed.

Their summaries are the stored ones. Other rules may hold another limit of psi, and that limit says how far small bins
are merged; so what is made of bins is measured again from published cells. Where cells are gone (retention), what is
stored stays: a column's counts tell, for a sum of fewer cells has fewer rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from warehouse_drift.config.resolved import ComparisonSpec
from warehouse_drift.decisions.model import Summary
from warehouse_drift.pipeline.context import Context
from warehouse_drift.pipeline.judge import state_summaries, stored_summaries
from warehouse_drift.pipeline.outgrown import CODE as OUTGROWN
from warehouse_drift.plan.model import ColumnState, WindowPlan
from warehouse_drift.results import write
from warehouse_drift.results.tables import BY_NAME as TABLES
from warehouse_drift.sql.render import render
from warehouse_drift.statistics.registry import BY_NAME


@dataclass(frozen=True, slots=True)
class Again:
    """``summaries``: none for a window that is not stored any more. ``columns``: those whose bins were made anew."""

    summaries: Sequence[Summary]
    columns: tuple[str, ...] = ()


def measured_again(context: Context, window: WindowPlan) -> bool:
    """Whether what is made of bins is taken from cells again. A past snapshot's reference is not known any more."""
    return window.why == "rules" and (context.monitor.timestamp is not None or window.previous is None)


def again(
    context: Context,
    comparison: ComparisonSpec,
    window: WindowPlan,
    outside: Sequence[ColumnState],
    measured: Sequence[Summary] = (),
) -> Again:
    """What a window is decided from again; ``measured``: its summaries from cells, where these were asked for.

    Where windows before it changed, what was said of outgrown grids is said anew; under other rules alone it stays,
    for the cells may be gone by now.
    """
    stored = stored_summaries(context, comparison, window.span.start)
    if not stored:
        return Again(())
    if window.why == "follows":
        stored = [s for s in stored if s.reason_code != OUTGROWN] + state_summaries(outside)
    before, now = _by_column(stored), _by_column(measured)
    columns = tuple(name for name, some in now.items() if name in before and _counts(some) == _counts(before[name]))
    kept = [s for s in stored if s.column_name not in columns or not _of_bins(s)]
    return Again([*kept, *(s for name in columns for s in now[name])], columns)


def copy_bins(context: Context, comparison: ComparisonSpec, window: WindowPlan, columns: Sequence[str]) -> None:
    """Gives this run the stored bins of a window, but for those of ``columns``."""
    params = {
        "s": context.s,
        "key": context.key | {"comparison": comparison.name},
        "start": window.span.start,
        "without": list(columns),
    }
    select = render("store/copied_bins", params, context.warehouse.dialect).sql
    names = TABLES["wd_bins"].names
    write.insert_select(context.warehouse, context.schema, "wd_bins", names, select, template="store/copied_bins")


def _of_bins(summary: Summary) -> bool:
    known = BY_NAME.get(summary.statistic)
    return known is not None and known.source == "bins"


def _by_column(summaries: Sequence[Summary]) -> dict[str, list[Summary]]:
    found: dict[str, list[Summary]] = {}
    for s in summaries:
        if _of_bins(s):
            found.setdefault(s.column_name, []).append(s)
    return found


def _counts(summaries: Sequence[Summary]) -> Mapping[str, tuple[int, int]]:
    """Segment -> most rows of each side."""
    found: dict[str, tuple[int, int]] = {}
    for s in summaries:
        reference, current = found.get(s.segment, (0, 0))
        found[s.segment] = (max(reference, s.n_reference), max(current, s.n_current))
    return found
