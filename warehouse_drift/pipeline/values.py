"""Statistics that are read from both sides' values: exact rank statistics, and bins with free edges.

One pass groups each column by value (a sort of its distinct values inside the warehouse), so all of this runs only when
it is asked for. Python sees one row of facts a column and computes edges from them.
"""

from __future__ import annotations

import math
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from markupsafe import Markup

from warehouse_drift.errors import UsageError
from warehouse_drift.grid.edges import (
    Binning,
    Facts,
    doane,
    equal_width,
    intervals,
    quantile_edges,
    quantile_ranks,
    sturges,
)
from warehouse_drift.pipeline.grids import NumericColumn, Slice
from warehouse_drift.pipeline.metrics import PROFILED, clean, from_profiles
from warehouse_drift.pipeline.session import Session
from warehouse_drift.statistics.finish import FINISH
from warehouse_drift.statistics.registry import BY_NAME

FROM_TOTALS = ("distinct_change",)
"""statistics of values that need no sorted ones"""


@dataclass(frozen=True, slots=True)
class Values:
    """Scratch tables of both sides' values, and the facts of every (pair, column)."""

    values: Markup
    columns: Markup
    listed: tuple[dict[str, Any], ...]
    numeric: tuple[NumericColumn, ...]
    categorical: tuple[int, ...]
    facts: Mapping[tuple[int, int], dict[str, Any]]


def count_values(
    session: Session, step: str, where: Slice, columns: Sequence[Mapping[str, Any]], *, drop_infinite: bool = False
) -> Markup:
    """The table of every value of these columns (number, x, numeric, float) with its rows, by bucket of ``where``."""
    return session.scratch(
        step,
        "profile/value_counts",
        source=where.source,
        filter=where.filter,
        bucket=where.bucket,
        columns=columns,
        drop_infinite=drop_infinite,
    )


def read_values(
    session: Session,
    numeric: Sequence[NumericColumn],
    categorical: Sequence[tuple[int, Markup]],
    reference: Slice,
    current: Slice,
    *,
    drop_infinite: bool = False,
    leave_out: bool = False,
) -> Values:
    """Both sides' values; every bucket of ``current`` becomes a pair with the whole reference, or with the rest of it
    when ``leave_out`` says that its rows are rows of the reference.

    ``categorical``: (number, SQL of the column as text).
    """
    listed = [{"number": c.number, "x": c.x, "numeric": True, "float": c.float} for c in numeric]
    listed += [{"number": n, "x": x, "numeric": False, "float": False} for n, x in categorical]
    sides = [
        count_values(session, f"counts_{side}", where, listed, drop_infinite=drop_infinite)
        for side, where in (("ref", replace(reference, bucket=None)), ("cur", current))
    ]
    values = session.scratch("values", "metrics/pooled_values", ref=sides[0], cur=sides[1], leave_out=leave_out)
    columns = session.scratch("value_columns", "metrics/value_columns", values=values, columns=listed, missing=False)
    facts = {(int(r["pair_no"]), int(r["column_no"])): r for r in session.rows("metrics/value_facts", columns=columns)}
    return Values(values, columns, tuple(listed), tuple(numeric), tuple(n for n, _ in categorical), facts)


@dataclass(slots=True)
class _Made:
    """Scratch tables that only some statistics need, made when the first of them is measured."""

    session: Session
    data: Values
    tables: dict[str, Markup]
    ranked: Sequence[str] = ()
    """rank statistics that are measured: one pass sums for all of them"""

    def table(self, name: str) -> Markup | None:
        numbers = [c.number for c in self.data.numeric]
        if name not in self.tables:
            if name == "counted":
                made = self.session.scratch(
                    "value_counted",
                    "metrics/value_columns",
                    values=self.data.values,
                    columns=self.data.listed,
                    missing=True,
                )
            elif not numbers:
                return None
            elif name == "ranks":
                made = self.session.scratch(
                    "value_ranks", "metrics/value_ranks", sorted=self.table("sorted"), wanted=self.ranked
                )
            elif name == "sorted":
                made = self.session.scratch(
                    "sorted",
                    "metrics/value_cdf",
                    values=self.data.values,
                    columns=self.data.columns,
                    numeric=numbers,
                )
            else:
                made = self.session.scratch("value_bounds", "metrics/value_bounds", sorted=self.table("sorted"))
            self.tables[name] = made
        return self.tables[name]


def facts_of(row: Mapping[str, Any], *, integer: bool) -> Facts:
    def number(name: str) -> float | None:
        x = row[name]
        return None if x is None or not math.isfinite(float(x)) else float(x)

    ends = [number(k) for k in ("min_r", "max_r", "min_c", "max_c")]
    lows, highs = [x for x in ends[::2] if x is not None], [x for x in ends[1::2] if x is not None]
    return Facts(
        int(row["m_r"]), int(row["m_c"]), ends[0], ends[1], min(lows, default=None), max(highs, default=None),
        int(row["distinct_r"]), int(row["distinct_both"]), number("std_r"), number("cube_r"), integer,
    )  # fmt: skip


def make_bins(
    session: Session, data: Values, made: _Made, binning: Binning, only: Container[int] | None = None
) -> tuple[Markup, Markup, tuple[int, ...]]:
    """Bins and Pearson's test as scratch tables, and the numbers of the columns that have a bin a value.

    Raises UsageError for custom edges of a column that is not compared.
    """
    names = {c.name for c in data.numeric}
    unknown = [n for n in binning.edges if n not in names]
    if unknown:
        raise UsageError(f"Edges are given for {unknown[0]!r}, which is no numeric column of this comparison.")
    known: dict[tuple[int, int], Facts] = {}
    for column in data.numeric:
        for pair, number in data.facts:
            if number == column.number:
                known[pair, number] = facts_of(data.facts[pair, number], integer=column.integer)
    by_value = list(data.categorical)
    edges: dict[tuple[int, int], tuple[tuple[float | None, float | None, int], ...]] = {}
    outside: list[int] = []
    deciles = _order_statistics(session, made, binning, known) if binning.rule == "quantile_exact" else {}
    for column in data.numeric:
        number = column.number
        if only is not None and number not in only:
            continue
        least = min((f.distinct_r for (_, n), f in known.items() if n == number), default=0)
        if binning.rule == "custom" and column.name not in binning.edges:
            raise UsageError(f"There are no edges for {column.name!r}.", hint="Give them, or leave the column out.")
        if binning.rule == "values" or least <= binning.values_up_to:
            by_value.append(number)
            continue
        for (pair, n), facts in known.items():
            if n != number or facts.n_r == 0 or facts.n_c == 0 or facts.low is None or facts.min_r is None:
                continue
            edges[pair, n] = _edges(column.name, facts, binning, deciles.get(n, {}))
        if binning.rule == "doane":
            outside.append(number)
    for n in {number for _, number in edges}:  # the same for all pairs: listed once, a long list is dear to parse
        mine = [(pair, some) for (pair, number), some in edges.items() if number == n]
        if len(mine) > 1 and len({some for _, some in mine}) == 1 and len(mine) == sum(k[1] == n for k in known):
            edges[-1, n] = mine[0][1]
            for pair, _ in mine:
                del edges[pair, n]
    flat = [
        {"pair_no": pair, "column_no": n, "bin_index": i, "lower": a, "upper": b, "closed": closed}
        for (pair, n), some in edges.items()
        for i, (a, b, closed) in enumerate(some)
    ]
    bins = session.scratch(
        "value_bins",
        "metrics/value_bins",
        values=data.values,
        edges=flat,
        by_value=by_value,
        outside=outside,
        unseen_together=binning.unseen_together,
        missing=binning.missing,
    )
    return bins, session.scratch("value_pearson", "metrics/pearson", bins=bins), tuple(by_value)


def _edges(
    name: str, facts: Facts, binning: Binning, deciles: Mapping[int, float]
) -> tuple[tuple[float | None, float | None, int], ...]:
    if binning.rule == "sturges":
        return tuple(intervals(sturges(facts, binning), open_ends=False))
    if binning.rule == "doane":
        return tuple(intervals(doane(facts, binning), open_ends=False))
    if binning.rule == "equal_width":
        return tuple(intervals(equal_width(facts, binning.count), open_ends=True))
    if binning.rule == "custom":
        return tuple(intervals(sorted(set(binning.edges.get(name, ()))), open_ends=True))
    return tuple(intervals(quantile_edges(facts.n_r, binning.count, deciles), open_ends=True))


def _order_statistics(
    session: Session, made: _Made, binning: Binning, known: Mapping[tuple[int, int], Facts]
) -> dict[int, dict[int, float]]:
    wanted: dict[int, set[int]] = {}
    for (_, number), facts in known.items():
        for _, low in quantile_ranks(facts.n_r, binning.count) if facts.n_r else ():
            wanted.setdefault(number, set()).update({low, min(low + 1, facts.n_r - 1)})
    ranks = [{"column_no": n, "rank": r} for n, some in wanted.items() for r in sorted(some)]
    found: dict[int, dict[int, float]] = {}
    if ranks:
        for row in session.rows("metrics/order_statistics", sorted=made.table("sorted"), ranks=ranks):
            found.setdefault(int(row["column_no"]), {})[int(row["rank_no"])] = float(row["x"])
    return found


def value_summaries(
    session: Session,
    data: Values,
    statistics: Sequence[str],
    binning: Binning,
    zero_shares: str,
    *,
    only: Container[int] | None = None,
) -> list[dict[str, Any]]:
    """One row per (pair, column, statistic); binned ones name their ``binning`` and ``zero_shares``.
    ``only``: numbers of the numeric columns that need bins."""
    rows: list[dict[str, Any]] = []
    numbers = [c.number for c in data.numeric]
    by_source: dict[str, list[str]] = {}
    for name in statistics:
        by_source.setdefault(BY_NAME[name].source, []).append(name)
    made = _Made(session, data, {}, by_source.get("ranks", []))
    expected = max(1, len(data.facts))
    unused = {"bins": None, "pearson": None, "zero": zero_shares, "bounds": None, "numeric": numbers}
    if "bins" in by_source:
        bins, pearson, by_value = make_bins(session, data, made, binning, only)
        columns = made.table("counted") if binning.missing else data.columns
        params = unused | {"columns": columns, "bins": bins, "pearson": pearson}
        for row in from_profiles(session, by_source["bins"], expected, **params):
            rule = replace(binning, rule="values") if int(row["column_no"]) in by_value else binning
            rows.append(row | {"binning": rule.name, "zero_shares": zero_shares})
    rest = by_source.get("columns", [])
    bounded = by_source.get("bounds", []) if numbers else []
    if rest or bounded:
        params = unused | {"columns": data.columns, "bounds": made.table("bounds") if bounded else None}
        rows += from_profiles(session, [*rest, *bounded], expected, **params)
    for name in (n for n in statistics if BY_NAME[n].source not in PROFILED):
        given: dict[str, Any] = {"columns": data.columns}
        read = {"ranks": "ranks", "values": "sorted"}.get(BY_NAME[name].source)
        if read is not None and name not in FROM_TOTALS:
            if not numbers:
                continue
            given |= {read: made.table(read), "numeric": numbers}
        for row in session.rows(f"statistics/{name}", **given):
            rows.append(_only_summary(clean(FINISH.get(name, dict)(row))))
    return rows


_SUMMARY = (
    "pair_no", "segment_key", "segment_kind", "segment_value", "column_no", "statistic", "value", "value_lower",
    "value_upper", "n_reference", "n_current", "test_value", "test_df", "expected", "bins", "reason_code",
)  # fmt: skip


def _only_summary(row: Mapping[str, Any]) -> dict[str, Any]:
    """The summary columns, without what a statistic's last step was computed from."""
    return {k: row[k] for k in _SUMMARY}
