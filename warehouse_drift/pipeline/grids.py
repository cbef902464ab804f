"""Grids of numeric columns: range, a small sample for the shape, one profile, and again only where that is too coarse.

The cells of the last pass of a column are its reference profile; nothing is scanned a second time for it.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from markupsafe import Markup

from warehouse_drift.errors import QueryError
from warehouse_drift.grid.fit import (
    ACCEPTED,
    HEAVY,
    MAX_VALUE_CELLS,
    Decile,
    Knot,
    core_cells,
    fit,
    geometric_grid,
    pilot_grid,
    quantile_bins,
    resolution,
    value_bins,
    value_grid,
)
from warehouse_drift.grid.sampled import ENOUGH, MOST, SAMPLE_ROWS, Run, first_grid, sample_keys
from warehouse_drift.grid.spec import Bin, NumericGrid
from warehouse_drift.pipeline.session import Session
from warehouse_drift.sql.render import canonical_text

_OVERFLOW = re.compile(r"overflow|out of range", re.I)


@dataclass(frozen=True, slots=True)
class NumericColumn:
    """A column to be gridded: ``x`` is its SQL, ``float`` whether it may hold NaN and infinities.

    ``bare``: SQL of the same order and the same NULLs as ``x`` without its cast. Engines answer for a bare column what
    they know without a scan (its range, that it has no NULL).
    """

    number: int
    name: str
    x: Markup
    float: bool
    integer: bool
    bare: Markup | None = None

    def params(self) -> dict[str, Any]:
        return {"number": self.number, "x": self.x, "bare": self.bare or self.x, "float": self.float}


@dataclass(frozen=True, slots=True)
class Slice:
    """Rows of a relation: FROM, WHERE, and how a row gets its bucket number and segment code."""

    source: Markup
    filter: Markup | None = None
    bucket: Markup | None = None
    segment: Markup | None = None

    def params(self) -> dict[str, Any]:
        return {"source": self.source, "filter": self.filter, "bucket": self.bucket, "segment": self.segment}


@dataclass(frozen=True, slots=True)
class GridResult:
    """Grids and bins by column number; the scratch tables that hold the reference cells; passes per column."""

    grids: Mapping[int, NumericGrid]
    bins: Mapping[int, tuple[Bin, ...]]
    cells: tuple[tuple[Markup, tuple[int, ...]], ...]
    passes: Mapping[int, int]


def cell_params(
    columns: Sequence[NumericColumn], grids: Mapping[int, NumericGrid], *, squares: bool = True
) -> list[dict[str, Any]]:
    """Parameters of ``profile/numeric_cells``; without ``squares`` for a side whose spread nobody asks for."""
    return [c.params() | {"grid": grids[c.number], "squares": squares} for c in columns]


def count_cells(
    session: Session,
    step: str,
    columns: Sequence[NumericColumn],
    grids: Mapping[int, NumericGrid],
    where: Slice,
    *,
    squares: bool = True,
) -> Markup:
    """The scratch table of ``profile/numeric_cells``. Where the engine refuses a sum that leaves the range of doubles
    (``Dialect.largest_double``), once more with what is beyond counted as infinite: always asking costs two thirds more
    on PostgreSQL, and such values are rare."""
    try:
        params = cell_params(columns, grids, squares=squares)
        return session.scratch(step, "profile/numeric_cells", columns=params, **where.params())
    except QueryError as error:
        params = cell_params(_held(session, columns, error), grids, squares=squares)
        return session.scratch(step, "profile/numeric_cells", columns=params, **where.params())


def _held(session: Session, columns: Sequence[NumericColumn], error: QueryError) -> list[NumericColumn]:
    """The columns with doubles beyond the dialect's largest as infinite. Raises ``error`` when it is about something else."""
    most = session.dialect.largest_double
    if not most or not _OVERFLOW.search(error.message):
        raise error
    return [replace(c, bare=None, x=Markup(canonical_text("profile/held", {"x": c.x, "most": most}))) for c in columns]


def build_grids(
    session: Session, columns: Sequence[NumericColumn], reference: Slice, cells_per_column: int | None = None
) -> GridResult:
    """Range, sample, one profile; the check of its cells asks at most three more profiles of the columns it refuses.
    As many columns at a time as the dialect takes in a statement. Values too large for the engine's sums are infinite,
    as in ``count_cells``."""
    size = session.dialect.statement_columns
    parts = [
        _summable(session, columns[i : i + size], reference, cells_per_column) for i in range(0, len(columns), size)
    ]
    return GridResult(
        {n: g for p in parts for n, g in p.grids.items()},
        {n: b for p in parts for n, b in p.bins.items()},
        tuple(c for p in parts for c in p.cells),
        {n: k for p in parts for n, k in p.passes.items()},
    )


def _summable(
    session: Session, columns: Sequence[NumericColumn], reference: Slice, cells_per_column: int | None
) -> GridResult:
    try:
        return _build_grids(session, columns, reference, cells_per_column)
    except QueryError as error:
        return _build_grids(session, _held(session, columns, error), reference, cells_per_column)


def _build_grids(
    session: Session, columns: Sequence[NumericColumn], reference: Slice, cells_per_column: int | None
) -> GridResult:
    flat = {"source": reference.source, "filter": reference.filter}
    row_count, limits, odd = _ranges(session, columns, flat)
    k = cells_per_column or resolution(row_count)
    grids = _first_grids(session, columns, row_count, limits, odd, k, flat)
    passes: dict[int, int] = {}
    tables: dict[int, Markup] = {}
    pending = list(columns)
    for attempt in range(4):
        table = session.scratch(
            f"pilot{attempt}", "profile/numeric_cells", columns=cell_params(pending, grids), **reference.params()
        )
        for c in pending:
            tables[c.number] = table
            passes[c.number] = 2 + attempt
        pending = _refused(session, table, pending, grids, limits, k, attempt, flat)
        if not pending:
            break
    by_table: dict[Markup, list[int]] = defaultdict(list)
    for number, table in tables.items():
        by_table[table].append(number)
    bins = _bins(session, by_table, grids)
    return GridResult(grids, bins, tuple((t, tuple(n)) for t, n in by_table.items()), passes)


def _ranges(
    session: Session, columns: Sequence[NumericColumn], flat: Mapping[str, Any]
) -> tuple[int, dict[int, tuple[float, float]], frozenset[int]]:
    """Rows, the finite range of every column ((0, 1) for one without a finite value), columns with NaN or infinities."""
    span = session.rows("grid/range", columns=[c.params() for c in columns], finite=False, **flat)[0]
    rows = int(span["row_count"])
    ends = {c.number: (span[f"low_{c.number}"], span[f"high_{c.number}"]) for c in columns}
    odd = [c for c in columns if any(v is not None and not math.isfinite(v) for v in ends[c.number])]
    if odd:
        span |= session.rows("grid/range", columns=[c.params() for c in odd], finite=True, **flat)[0]
    limits = {}
    for c in columns:
        lo, hi = span[f"low_{c.number}"], span[f"high_{c.number}"]
        limits[c.number] = (float(lo), float(hi)) if lo is not None and hi is not None else (0.0, 1.0)
    return rows, limits, frozenset(c.number for c in odd)


def _first_grids(
    session: Session,
    columns: Sequence[NumericColumn],
    row_count: int,
    limits: Mapping[int, tuple[float, float]],
    odd: frozenset[int],
    k: int,
    flat: Mapping[str, Any],
) -> dict[int, NumericGrid]:
    grids = {c.number: pilot_grid(*limits[c.number], k, integer=c.integer) for c in columns}
    sampled = [
        c
        for c in columns
        if limits[c.number][0] < limits[c.number][1]
        and not (c.integer and limits[c.number][1] - limits[c.number][0] < core_cells(k))
    ]
    if not sampled or row_count < 2:
        return grids
    whole = row_count <= 2 * SAMPLE_ROWS
    keys = (
        () if whole else sample_keys([(c.number, *limits[c.number], c.integer) for c in sampled if c.number not in odd])
    )
    if not whole and not keys:
        return grids
    by_number = {c.number: c for c in sampled}
    table = session.scratch(
        "sample",
        "grid/sample",
        columns=[{"number": c.number, "x": c.x} for c in sampled],
        keys=[{"x": by_number[key.column].x, "low": key.low, "scale": key.scale, "least": key.least} for key in keys],
        one_in=max(2, row_count // SAMPLE_ROWS),
        most=MOST,
        **flat,
    )
    found: dict[int, list[Run]] = defaultdict(list)
    for r in session.rows(
        "grid/sample_knots",
        sample=table,
        columns=[{"number": c.number} for c in sampled],
        runs=max(8, min(64, 2000 // len(sampled))),
        alone=max(16, min(int(k / HEAVY), 3000 // len(sampled))),
    ):
        gap = math.inf if r["gap"] is None else float(r["gap"])
        found[int(r["column_no"])].append(
            Run(float(r["lo"]), float(r["hi"]), int(r["n"]), int(r["distinct_n"]), int(r["single"]) == 1, gap)
        )
    for number, runs in found.items():
        if whole or ENOUGH <= sum(x.n for x in runs) < MOST:
            grids[number] = first_grid(runs, *limits[number], k)
    return grids


def _refused(
    session: Session,
    table: Markup,
    pending: Sequence[NumericColumn],
    grids: dict[int, NumericGrid],
    limits: Mapping[int, tuple[float, float]],
    k: int,
    attempt: int,
    flat: Mapping[str, Any],
) -> list[NumericColumn]:
    """Columns whose cells are too heavy, with a better grid put into ``grids``."""
    checked = {int(r["column_no"]): r for r in session.rows("grid/check", cells=table)}
    few = [n for n, r in checked.items() if int(r["mixed"]) == 0 and int(r["occupied"]) <= MAX_VALUE_CELLS]
    heavy = [
        c
        for c in pending
        if c.number in checked
        and c.number not in few
        and attempt < 3
        and int(checked[c.number]["fullest"]) > ACCEPTED / k * int(checked[c.number]["total"])
    ]
    again: list[NumericColumn] = []
    values = _values(session, table) if few else {}
    for c in pending:
        if c.number in few:
            grid = value_grid(values[c.number], k)
            if grid != grids[c.number]:
                grids[c.number] = grid
                again.append(c)
    if not heavy:
        return again
    knots = _knots(
        session,
        table,
        max(16, min(256, 8000 // len(heavy))),
        [c.number for c in heavy],
        [c.number for c in heavy if grids[c.number].octaves],
    )
    for c in heavy:
        better = _better(session, c, knots[c.number], k, attempt, limits[c.number], flat, grids[c.number])
        if better != grids[c.number]:
            grids[c.number] = better
            again.append(c)
    return again


def _bins(
    session: Session, by_table: Mapping[Markup, Sequence[int]], grids: Mapping[int, NumericGrid]
) -> dict[int, tuple[Bin, ...]]:
    bins: dict[int, tuple[Bin, ...]] = {}
    for table, numbers in by_table.items():
        deciles: dict[int, list[tuple[float, Decile]]] = defaultdict(list)
        total: dict[int, int] = {}
        for r in session.rows("grid/deciles", cells=table):
            deciles[int(r["column_no"])].append(
                (int(r["decile"]) / 10, Decile(int(r["cell_index"]), int(r["before"]), int(r["after"])))
            )
            total[int(r["column_no"])] = int(r["total"])
        for number in numbers:
            grid = grids[number]
            if not grid.pieces and not grid.octaves and grid.atoms:
                bins[number] = value_bins(grid)
            else:
                bins[number] = quantile_bins(deciles.get(number, []), total.get(number, 0), grid)
    return bins


def _knots(
    session: Session, table: Markup, runs: int, columns: Sequence[int], geometric: Sequence[int]
) -> dict[int, list[Knot]]:
    knots: dict[int, list[Knot]] = defaultdict(list)
    for r in session.rows("grid/knots", cells=table, runs=runs, columns=list(columns), geometric=list(geometric)):
        knots[int(r["column_no"])].append(
            Knot(float(r["lo"]), float(r["hi"]), int(r["n"]), int(r["cells"]), int(r["fullest"]), int(r["heaviest"]))
        )
    return knots


def _values(session: Session, table: Markup) -> dict[int, list[float]]:
    values: dict[int, list[float]] = defaultdict(list)
    for r in session.rows("grid/values", cells=table, most=MAX_VALUE_CELLS):
        values[int(r["column_no"])].append(float(r["value"]))
    return values


def _better(
    session: Session,
    c: NumericColumn,
    knots: list[Knot],
    k: int,
    attempt: int,
    limits: tuple[float, float],
    flat: Mapping[str, Any],
    now: NumericGrid,
) -> NumericGrid:
    """The next grid to try: powers of two after a coarse pilot, then pieces (with heavy single values set apart)."""
    lo, hi = limits
    total = sum(x.n for x in knots)
    if attempt == 0 and max(x.fullest for x in knots) > total / 5:
        return geometric_grid(lo, hi, k, 1e-308)
    heavy = [x for x in knots if x.fullest > ACCEPTED / k * total] if attempt >= 2 else []
    atoms = {x.lo for x in knots if x.lo == x.hi and x.n > HEAVY / k * total} | set(now.atoms)
    hidden: dict[float, int] = {}
    if heavy:  # two fits did not help, so a heavy single value must share its cell with others
        listed = [
            {"number": c.number, "x": c.x, "ranges": [(x.lo, x.hi) for x in heavy], "least": max(2, int(total / k))}
        ]
        hidden = {float(r["value"]): int(r["n"]) for r in session.rows("grid/atoms", columns=listed, **flat)}
    runs = [
        replace(
            x, fullest=0 if x.lo == x.hi else max(0, x.fullest - sum(n for v, n in hidden.items() if x.lo <= v <= x.hi))
        )
        for x in knots
    ]  # rows of an atom no longer weigh on the cells around it
    grid = fit(runs, k, sorted(atoms | set(hidden))[:16])
    if grid is not None:
        return grid
    smallest = min((min(abs(x.lo), abs(x.hi)) for x in knots if x.lo and x.hi), default=1e-308)
    return geometric_grid(lo, hi, k, max(smallest, 1e-308), cells=max(8, k - 2 * now.tail))
