"""Grids of numeric columns from cheap passes over the reference: range, pilot, and again only where the pilot is coarse.

The cells of the last pass of a column are its reference profile; nothing is scanned a second time for it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from markupsafe import Markup

from warehouse_drift.grid.fit import (
    ACCEPTED,
    HEAVY,
    MAX_VALUE_CELLS,
    Decile,
    Knot,
    fit,
    geometric_grid,
    light_enough,
    pilot_grid,
    quantile_bins,
    value_bins,
    value_grid,
)
from warehouse_drift.grid.spec import Bin, NumericGrid
from warehouse_drift.pipeline.session import Session


@dataclass(frozen=True, slots=True)
class NumericColumn:
    """A column to be gridded: ``x`` is its SQL, ``float`` whether it may hold NaN and infinities."""

    number: int
    name: str
    x: Markup
    float: bool
    integer: bool


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


def cell_params(columns: Sequence[NumericColumn], grids: Mapping[int, NumericGrid]) -> list[dict[str, Any]]:
    return [{"number": c.number, "x": c.x, "grid": grids[c.number], "float": c.float} for c in columns]


def build_grids(
    session: Session, columns: Sequence[NumericColumn], reference: Slice, cells_per_column: int | None = None
) -> GridResult:
    """At most five passes over any column (range, pilot, and up to three more); one that is fine after the pilot has two."""
    from warehouse_drift.grid.fit import resolution

    if not columns:
        return GridResult({}, {}, (), {})
    flat = {"source": reference.source, "filter": reference.filter}
    span = session.rows(
        "grid/range", columns=[{"number": c.number, "x": c.x, "float": c.float} for c in columns], **flat
    )[0]
    grids: dict[int, NumericGrid] = {}
    passes = {c.number: 2 for c in columns}
    k = cells_per_column or resolution(int(span["row_count"]))
    limits: dict[int, tuple[float, float]] = {}
    for c in columns:
        lo, hi = span[f"low_{c.number}"], span[f"high_{c.number}"]
        limits[c.number] = (float(lo), float(hi)) if lo is not None else (0.0, 1.0)
        grids[c.number] = pilot_grid(*limits[c.number], k, integer=c.integer)
    tables: dict[int, Markup] = {}
    pending = list(columns)
    bins: dict[int, tuple[Bin, ...]] = {}
    for attempt in range(4):
        table = session.scratch(
            f"pilot{attempt}", "profile/numeric_cells", columns=cell_params(pending, grids), **reference.params()
        )
        for c in pending:
            tables[c.number] = table
            passes[c.number] = 2 + attempt
        knots = _knots(
            session,
            table,
            max(16, min(256, 8000 // len(pending))),
            [c.number for c in pending if grids[c.number].octaves],
        )
        values = _values(session, table)
        again: list[NumericColumn] = []
        for c in pending:
            number = c.number
            known = knots.get(number, [])
            if number in values:
                grid = value_grid(values[number], k)
                if grid != grids[number]:
                    grids[number] = grid
                    again.append(c)
            elif grids[number].pieces == () and not grids[number].octaves and grids[number].atoms:
                continue
            elif attempt < 3 and not light_enough(known, k):
                better = _better(session, c, known, k, attempt, limits[number], flat, grids[number])
                if better is not None and better != grids[number]:
                    grids[number] = better
                    again.append(c)
        pending = again
        if not pending:
            break
    by_table: dict[Markup, list[int]] = defaultdict(list)
    for number, table in tables.items():
        by_table[table].append(number)
    for table, numbers in by_table.items():
        deciles: dict[int, list[tuple[float, Decile]]] = defaultdict(list)
        total: dict[int, int] = {}
        for r in session.rows("grid/deciles", cells=table):
            deciles[int(r["column_no"])].append(
                (
                    int(r["decile"]) / 10,
                    Decile(int(r["cell_index"]), int(r["before"]), int(r["after"]), float(r["lo"]), float(r["hi"])),
                )
            )
            total[int(r["column_no"])] = int(r["total"])
        for number in numbers:
            grid = grids[number]
            if not grid.pieces and not grid.octaves and grid.atoms:
                bins[number] = value_bins(grid)
            else:
                bins[number] = quantile_bins(deciles.get(number, []), total.get(number, 0))
    return GridResult(grids, bins, tuple((t, tuple(n)) for t, n in by_table.items()), passes)


def _knots(session: Session, table: Markup, runs: int, geometric: Sequence[int]) -> dict[int, list[Knot]]:
    knots: dict[int, list[Knot]] = defaultdict(list)
    for r in session.rows("grid/knots", cells=table, runs=runs, geometric=list(geometric)):
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
) -> NumericGrid | None:
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
