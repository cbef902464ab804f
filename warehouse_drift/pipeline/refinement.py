"""Closing the intervals of a window that leave two answers: the only time a run reads source rows a second time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from warehouse_drift.decisions.decide import Key, Noise, Rules, key_of, needs_refinement
from warehouse_drift.decisions.model import Summary
from warehouse_drift.grid.edges import Binning
from warehouse_drift.pipeline.baseline import Gridded
from warehouse_drift.pipeline.context import Context
from warehouse_drift.pipeline.facts import baseline_source, filtered, source_of
from warehouse_drift.pipeline.grids import Slice
from warehouse_drift.pipeline.metrics import refine, summaries
from warehouse_drift.pipeline.session import Session
from warehouse_drift.pipeline.values import read_values, value_summaries
from warehouse_drift.pipeline.windows import Measurement, Pair, summary_of
from warehouse_drift.plan.build import baseline_range
from warehouse_drift.plan.model import WindowPlan
from warehouse_drift.statistics.registry import BY_NAME


class Refiner:
    """Refines windows of one measurement, within the monitor's budget of rows."""

    def __init__(self, session: Session, context: Context, gridded: Gridded, found: Measurement) -> None:
        self.session, self.context, self.gridded, self.found = session, context, gridded, found
        self.rows = 0

    def close(
        self, pair: Pair, window: WindowPlan, known: Sequence[Summary], rules: Rules, noise: Noise
    ) -> list[Summary]:
        """The summaries with every interval closed that a decision needs (``precision: exact``: with all of them)."""
        if self.found.pooled is None:
            return list(known)
        if self.context.monitor.precision == "exact":
            wanted = [key_of(s) for s in known if _open(s)]
        else:
            wanted = [k for k in needs_refinement(known, rules, noise) if BY_NAME[k[2]].bounded]
        closed = {key_of(s): s for s in known}
        for segment in dict.fromkeys(k[0] for k in wanted):
            for s in self._segment(pair, window, [k for k in wanted if k[0] == segment], closed):
                closed[key_of(s)] = s
        return list(closed.values())

    def _segment(self, pair: Pair, window: WindowPlan, keys: Sequence[Key], known: dict[Key, Summary]) -> list[Summary]:
        ranked = [k for k in keys if BY_NAME[k[2]].source == "ranks"]
        cells = [k for k in keys if k not in ranked]
        found = self._cells(pair, window, cells, known) if cells else []
        return [*found, *(self._sorted(window, ranked, known) if ranked else [])]

    def _sorted(self, window: WindowPlan, keys: Sequence[Key], known: Mapping[Key, Summary]) -> list[Summary]:
        """Rank statistics of one segment's columns from all their values: every cell adds to them, so none is left out."""
        key, kind, value = _segment_of(known[keys[0]])
        reference, current = self._slices(window, key, kind, value)
        sizes = {k[1]: known[k].n_reference + known[k].n_current for k in keys}
        budget = self.context.monitor.refine_budget
        if budget is not None and sum(sizes.values()) > budget - self.rows:
            return []
        columns = [m.numeric for m in self.gridded.measured if m.is_numeric and m.name in sizes]
        data = read_values(self.session, columns, (), reference, current)
        self.rows += sum(sizes.values())
        place = {"segment_key": key, "segment_kind": kind, "segment_value": value}
        by_number = {m.number: m for m in self.gridded.measured}
        found = []
        for row in value_summaries(self.session, data, sorted({k[2] for k in keys}), Binning(), "default"):
            s = summary_of(row | place, by_number)
            if s is not None and key_of(s) in keys:
                before = known[key_of(s)]
                same = (s.n_reference, s.n_current) == (before.n_reference, before.n_current)
                found.append(s if same else replace(before, reason_code="source_changed"))
        return found

    def _cells(
        self, pair: Pair, window: WindowPlan, keys: Sequence[Key], known: Mapping[Key, Summary]
    ) -> list[Summary]:
        """The cells that can still matter are scanned again on both sides."""
        some = known[keys[0]]
        key, kind, value = _segment_of(some)
        numbers = {m.number for m in self.gridded.measured if m.name in {k[1] for k in keys}}
        reference, current = self._slices(window, key, kind, value)
        budget = self.context.monitor.refine_budget
        left = None if budget is None else max(0, budget - self.rows)
        assert self.found.pooled is not None
        pooled, done = refine(
            self.session,
            self.found.pooled,
            [m.numeric for m in self.gridded.measured if m.is_numeric],
            self.gridded.grids,
            reference,
            current,
            ks=any(k[2] == "ks" for k in keys),
            area=any(k[2].startswith("wasserstein") for k in keys),
            only=sorted(numbers),
            pair_no=pair.number,
            segment=(key, kind, value),
            most_rows=left,
        )
        self.rows += done.rows
        if not done.rows:
            return []
        by_number = {m.number: m for m in self.gridded.measured}
        found = []
        expected = len(self.found.pairs) * self.gridded.segments.count * len(self.gridded.measured)
        wanted = sorted({k[2] for k in keys})
        for row in summaries(self.session, pooled, wanted, pair_no=pair.number, expected=expected):
            s = summary_of(row, by_number)
            if s is not None and key_of(s) in keys:
                found.append(s if s.lower == s.upper else replace(s, reason_code="source_changed"))
        return found

    def _slices(self, window: WindowPlan, key: str, kind: str, value: str) -> tuple[Slice, Slice]:
        monitor, warehouse = self.context.monitor, self.context.warehouse
        only = self.gridded.segments.only(key, kind, value)
        more = [] if only is None else [only]
        source = source_of(warehouse, monitor)
        current = Slice(source.relation, filtered(monitor, source, window.span.start, window.span.end, *more))
        if window.previous is not None:
            where = filtered(monitor, source, window.previous.start, window.previous.end, *more)
            return Slice(source.relation, where), current
        base = baseline_source(warehouse, monitor)
        limits = baseline_range(monitor) or (None, None)
        return Slice(base.relation, filtered(monitor, base, *limits, *more)), current


def _open(summary: Summary) -> bool:
    statistic = BY_NAME.get(summary.statistic)
    return (
        statistic is not None
        and statistic.bounded
        and summary.lower is not None
        and summary.lower != summary.upper
        and summary.reason_code is None
    )


def _segment_of(summary: Summary) -> tuple[str, str, str]:
    """(key, kind, value) as the cells have them, from a summary's shown segment."""
    if summary.segment_column is None:
        return "", "all", ""
    if summary.segment_value is not None:
        return summary.segment_column, "value", summary.segment_value
    kind = summary.segment.removeprefix(f"{summary.segment_column}=<").removesuffix(">")
    return summary.segment_column, kind, ""
