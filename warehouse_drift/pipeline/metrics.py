"""From two profiles to summaries: pooled cells, bins, bounds, refinement, and one statement for the statistics."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from markupsafe import Markup

from warehouse_drift.grid.spec import Bin, NumericGrid
from warehouse_drift.pipeline.grids import NumericColumn, Slice
from warehouse_drift.pipeline.session import Session
from warehouse_drift.statistics.registry import BY_NAME

T = TypeVar("T")
ROWS = 8_000
"""About how many rows of summaries come to Python at once."""
PROFILED = ("bins", "bounds", "columns")
"""What a statistic reads, where profiles give it: all of them are one statement (metrics/statistics)."""
SPLIT_ROWS = 200_000
"""Rows in question of one column above which they are counted in finer parts first."""
PARTS = 64
SORTED_ROWS = 4_000_000
"""Rows that one statement sorts, where they belong to several columns."""
MOST_RANGES = 2
"""Ranges of values a column is looked for in: each costs two comparisons a row, and more than two saved nothing."""


@dataclass(frozen=True, slots=True)
class Pooled:
    """Scratch tables of one batch of comparisons."""

    cells: Markup
    columns: Markup
    bins: Markup
    pearson: Markup
    cdf: Markup | None
    bounds: Markup | None
    numeric: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Refined:
    """What a refinement scanned."""

    cells: int
    rows: int


def pool(
    session: Session,
    sides: Markup,
    bins: Mapping[int, tuple[Bin, ...]],
    numeric: Sequence[int],
    warn: float,
    *,
    warns: Mapping[int, float] | None = None,
    refinable: bool = True,
) -> Pooled:
    """``sides``: a relation that is read once. ``warn``: the psi limit that decides how far small bins are merged;
    ``warns`` has columns with their own. Without ``refinable`` the running counts are not kept for ``refine``."""
    cells = session.scratch("cells", "metrics/pooled_cells", sides=sides)
    columns = session.scratch("columns", "metrics/pooled_columns", cells=cells)
    listed = [
        {"column_no": number, "bin_index": b.index, "cell_from": b.cell_from, "cell_to": b.cell_to}
        for number, some in bins.items()
        for b in some
    ]
    inline = session.scratch("bin_edges", "metrics/inline_bins", bins=listed)
    binned = session.scratch(
        "bins", "metrics/pooled_bins", cells=cells, bins=inline, warn=warn, warns=list((warns or {}).items())
    )
    pearson = session.scratch("pearson", "metrics/pearson", bins=binned)
    if not numeric:
        return Pooled(cells, columns, binned, pearson, None, None, ())
    counts = {"cells": cells, "columns": columns}
    kept = session.scratch("cdf", "metrics/cdf_cells", **counts) if refinable else None
    read = kept or session.part("metrics/cdf_cells", **counts)
    bounds = session.scratch("bounds", "metrics/cdf_bounds", cdf=read, refined=None, todo=None)
    return Pooled(cells, columns, binned, pearson, kept, bounds, tuple(numeric))


def summaries(
    session: Session,
    pooled: Pooled,
    statistics: Sequence[str],
    *,
    pair_no: int | None = None,
    zero_shares: str = "default",
    columns: Markup | None = None,
    expected: int = 1,
) -> list[dict[str, Any]]:
    """One row per (pair, segment, column, statistic), as the templates' summary columns; of one pair if it is given.
    Those of ``pipeline.values`` and ``pipeline.ranks`` are left out. ``columns``: only these of ``pooled.columns``.
    ``expected``: about how many rows one statistic has; so many statistics are asked for at once that ROWS come."""
    names = [n for n in statistics if BY_NAME[n].source in PROFILED]
    if pooled.bounds is None:
        names = [n for n in names if BY_NAME[n].source != "bounds"]
    found = from_profiles(
        session,
        names,
        expected,
        columns=columns or pooled.columns,
        bins=pooled.bins,
        pearson=pooled.pearson,
        zero=zero_shares,
        bounds=pooled.bounds,
        numeric=pooled.numeric,
    )
    return [row for row in found if pair_no is None or int(row["pair_no"]) == pair_no]


def from_profiles(session: Session, names: Sequence[str], expected: int, **params: Any) -> list[dict[str, Any]]:
    """Clean rows of metrics/statistics: as many statistics in a statement as give about ROWS rows."""
    rows: list[dict[str, Any]] = []
    for some in at_once(names, expected):
        rows += map(clean, session.rows("metrics/statistics", names=some, **params))
    return rows


def at_once(statistics: Sequence[T], expected: int) -> Iterator[Sequence[T]]:
    """As many in a turn as give about ROWS rows, where one gives ``expected``."""
    size = max(1, ROWS // max(1, expected))
    for first in range(0, len(statistics), size):
        yield statistics[first : first + size]


def clean(row: dict[str, Any]) -> dict[str, Any]:
    """No NaN and no infinity leaves this stage: a value that is not finite becomes a reason."""
    for key in ("value", "value_lower", "value_upper", "test_value", "test_df", "expected"):
        number = row[key]
        row[key] = None if number is None or not math.isfinite(float(number)) else float(number)
    if row["value"] is None or row["value_lower"] is None or row["value_upper"] is None:
        row["value"] = row["value_lower"] = row["value_upper"] = None
        row["reason_code"] = row["reason_code"] or "not_computable"
    for key in ("n_reference", "n_current"):
        row[key] = int(row[key] or 0)
    row["bins"] = None if row["bins"] is None else int(row["bins"])
    return row


def refine(
    session: Session,
    pooled: Pooled,
    columns: Sequence[NumericColumn],
    grids: Mapping[int, NumericGrid],
    reference: Slice,
    current: Slice,
    *,
    ks: bool,
    area: bool,
    only: Sequence[int] | None = None,
    pair_no: int | None = None,
    segment: tuple[str, str, str] | None = None,
    most_rows: int | None = None,
) -> tuple[Pooled, Refined]:
    """Scans again the cells that can still matter, and gives bounds that are closed where the rows are still the same.

    Where there are several pairs or segments, ``pair_no`` and ``segment`` (key, kind, value) name the one that the two
    slices hold the rows of. With ``most_rows`` nothing is scanned when more rows would have to be. A column with more
    than SPLIT_ROWS rows in question is counted again in finer parts before anything is sorted.
    """
    if pooled.bounds is None or pooled.cdf is None or not (ks or area):
        return pooled, Refined(0, 0)
    chosen: dict[str, Any] = {"ks": ks, "area": area, "pair_no": pair_no, "segment": segment}
    listed = list(only) if only is not None else None
    todo = session.scratch("todo", "metrics/refine_cells", bounds=pooled.bounds, only=listed, whole=None, **chosen)
    spans = _spans(session, todo)
    rows = sum(s.rows for s in spans.values())
    if not spans or (most_rows is not None and rows > most_rows):
        return pooled, Refined(0, 0)
    scan = _Scan(session, {c.number: c for c in columns}, grids, reference, current)
    wide = {n: s for n, s in spans.items() if s.rows > SPLIT_ROWS}
    refined = scan.points(todo, None, {n: s for n, s in spans.items() if n not in wide})
    if wide:
        refined.append(scan.split(todo, wide, chosen))
    bounds = session.scratch("closed", "metrics/cdf_bounds", cdf=pooled.cdf, refined=refined, todo=todo)
    return replace(pooled, bounds=bounds), Refined(sum(s.cells for s in spans.values()), rows)


@dataclass(frozen=True, slots=True)
class _Span:
    """Cells of one column that are scanned again, the rows in them, and a few ranges of values that hold them."""

    cells: int
    rows: int
    ranges: tuple[tuple[float, float], ...]


def _spans(session: Session, todo: Markup) -> dict[int, _Span]:
    found: dict[int, _Span] = {}
    for r in session.rows("metrics/todo_ranges", todo=todo, most=MOST_RANGES):
        known = found.get(int(r["column_no"]), _Span(0, 0, ()))
        found[int(r["column_no"])] = _Span(
            known.cells + int(r["cells"]),
            known.rows + int(r["row_count"]),
            (*known.ranges, (float(r["lo"]), float(r["hi"]))),
        )
    return found


@dataclass(frozen=True, slots=True)
class _Scan:
    """The second look at the rows of some columns."""

    session: Session
    columns: Mapping[int, NumericColumn]
    grids: Mapping[int, NumericGrid]
    reference: Slice
    current: Slice

    def _sides(self) -> list[dict[str, Any]]:
        return [{"side": "r", "slice": self.reference}, {"side": "c", "slice": self.current}]

    def _columns(self, spans: Mapping[int, _Span]) -> list[dict[str, Any]]:
        return [
            {
                "number": n,
                "x": self.columns[n].x,
                "grid": self.grids[n],
                "float": self.columns[n].float,
                "ranges": span.ranges,
            }
            for n, span in spans.items()
        ]

    def points(self, todo: Markup, whole: Markup | None, spans: Mapping[int, _Span]) -> list[Markup]:
        """Sorts the rows of ``todo``'s cells; a statement holds one column, or several small ones."""
        tables: list[Markup] = []
        batch: dict[int, _Span] = {}
        for n, span in [*spans.items(), (-1, _Span(0, SORTED_ROWS, ()))]:
            if batch and span.rows + sum(s.rows for s in batch.values()) > SORTED_ROWS:
                tables.append(
                    self.session.scratch(
                        "refined",
                        "metrics/refined_points",
                        todo=todo,
                        whole=whole,
                        parts=PARTS,
                        columns=self._columns(batch),
                        sides=self._sides(),
                    )
                )
                batch = {}
            batch[n] = span
        return tables

    def split(self, todo: Markup, spans: Mapping[int, _Span], chosen: Mapping[str, Any]) -> Markup:
        """Counts the cells again in finer parts, and sorts only the parts that can still matter."""
        parts = self.session.scratch(
            "parts",
            "metrics/split_cells",
            todo=todo,
            parts=PARTS,
            columns=self._columns(spans),
            sides=self._sides(),
        )
        bounds = self.session.scratch("part_bounds", "metrics/cdf_bounds", cdf=parts, refined=None, todo=None)
        left = self.session.scratch("part_todo", "metrics/refine_cells", bounds=bounds, only=None, whole=todo, **chosen)
        refined = self.points(left, todo, _spans(self.session, left))
        if refined:
            bounds = self.session.scratch("part_closed", "metrics/cdf_bounds", cdf=parts, refined=refined, todo=left)
        return self.session.scratch("split", "metrics/split_result", bounds=bounds, todo=todo, parts=PARTS)
