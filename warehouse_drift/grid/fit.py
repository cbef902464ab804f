"""From a pilot histogram to a grid: the fewest equal-width pieces that keep every cell light.

Input are ``Knot``s: runs of pilot cells holding about 1/64 of the rows each (a heavy cell is a run of its own), with
the density of their fullest cell. A piece over several runs needs cells as narrow as its densest run asks for, so its
cost is width x highest density; the best split into p pieces minimises the summed cost (dynamic programming over at
most about a hundred runs). ``cost / cells`` is then the share of rows in the fullest cell.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from warehouse_drift.grid.cells import edge, shown
from warehouse_drift.grid.spec import NEG_INF_CELL, POS_INF_CELL, Bin, NumericGrid, Octaves, Piece

PIECES = (1, 2, 4, 8)
HEAVY = 4.0
"""Pieces are chosen so that no cell but a single value holds more than HEAVY / resolution of the baseline."""
ACCEPTED = 6.0
"""A grid is scanned again only when a cell holds more than this: a second pass costs more than it certifies."""
MAX_VALUE_CELLS = 20


@dataclass(frozen=True, slots=True)
class Knot:
    """A run of pilot cells: value range, rows, cells, rows of its fullest impure cell (0 when all are single values)."""

    lo: float
    hi: float
    n: int
    cells: int
    fullest: int
    heaviest: int = 0


def resolution(median_rows: float) -> int:
    """Cells per column from the rows of a bucket: a tenth of them, between 100 and 1,000."""
    return int(min(1000, max(100, median_rows // 10)))


def tail_cells(cells: int) -> tuple[int, int]:
    """(tail cells on each side, cells per octave), so that core, tails and atoms stay within the promised size."""
    return cells // 16, (8 if cells >= 400 else 2)


def core_cells(k: int) -> int:
    """Cells left for the core of a grid of resolution ``k``."""
    return k - 2 * tail_cells(k)[0]


def above(x: float) -> float:
    """The next double, never infinity (the largest double then lies just above the core, which loses nothing)."""
    return min(math.nextafter(x, math.inf), sys.float_info.max)


def outward(lo: float, hi: float) -> tuple[float, float]:
    """Edges rounded outwards to a few digits of the width: short SQL, and the same on every engine."""
    width = hi - lo
    if not math.isfinite(width):
        return lo, above(hi)
    if width <= 0:
        return lo, above(lo)
    step = 10.0 ** (math.floor(math.log10(width)) - 3) if width > 1e-290 else 0.0
    if step == 0.0 or abs(lo) / step > 1e15 or abs(hi) / step > 1e15:
        return lo, above(hi)
    low = float(f"{math.floor(lo / step) * step:.15g}")
    high = float(f"{(math.floor(hi / step) + 1) * step:.15g}")
    return (low if math.isfinite(low) and low <= lo else lo), (high if hi < high < math.inf else above(hi))


def build(
    edges: Sequence[float], cells: Sequence[int], atoms: Sequence[float], k: int, *, up: bool = False
) -> NumericGrid:
    base = 1 + tail_cells(k)[0]
    pieces: list[Piece] = []
    for lo, hi, n in zip(edges, edges[1:], cells, strict=False):
        pieces.append(Piece(lo, hi, n, base, up and not pieces))
        base += pieces[-1].numbers
    return grid_of(pieces, atoms, k)


def grid_of(pieces: Sequence[Piece], atoms: Sequence[float], k: int) -> NumericGrid:
    """A grid whose core is these pieces, with geometric tails."""
    tail, per_octave = tail_cells(k)
    lo, hi = pieces[0].lo, pieces[-1].hi
    width = hi - lo
    unit = width / 8 if math.isfinite(width) and width > 1e-290 else max(abs(lo), 1e-300)
    return NumericGrid(lo, hi, tuple(pieces), tuple(sorted(atoms)), (), tail, per_octave, unit, k)


def pilot_grid(lo: float, hi: float, k: int, *, integer: bool = False) -> NumericGrid:
    """The first grid of a column: equal-width cells over [lo, hi]; one cell a value for integers of small range."""
    core = core_cells(k)
    if integer and hi - lo < core:
        return build((math.floor(lo), math.floor(hi) + 1.0), (int(hi - lo) + 1,), (), k)
    low, high = outward(lo, hi)
    return build((low, high), (core,), (), k, up=True)


def value_grid(values: Sequence[float], k: int) -> NumericGrid:
    """A cell for each of few values, and one for every gap between them."""
    values = sorted(values)
    return NumericGrid(values[0], above(values[-1]), (), tuple(values), (), 0, 8, 1.0, k)


def geometric_grid(lo: float, hi: float, k: int, tiny: float, cells: int | None = None) -> NumericGrid:
    """Cells by sign and powers of two, zero apart; ``tiny`` is the smallest magnitude told apart from zero."""
    tail, per_octave = tail_cells(k)
    span = cells or 8192
    sides = []
    top = math.log2(max(abs(lo), abs(hi), tiny))
    bottom = math.log2(tiny)
    signs = [s for s in (True, False) if (lo < 0 if s else hi > 0)] or [False]
    each = max(1, min(span // len(signs), int((top - bottom) * 8) + 2))
    per = each / max(top - bottom, 1.0)
    base = 1 + tail
    for negative in signs:
        sides.append(Octaves(negative, bottom, per, each, base))
        base += each + 2
    high = above(hi)
    return NumericGrid(lo, high, (), (), tuple(sides), tail, per_octave, max(hi / 8 - lo / 8, 1e-300), k)


def light_enough(knots: Sequence[Knot], k: int) -> bool:
    total = sum(x.n for x in knots)
    return total == 0 or max((x.fullest for x in knots), default=0) <= ACCEPTED / k * total


def fit(knots: Sequence[Knot], k: int, atoms: Sequence[float] = ()) -> NumericGrid | None:
    """The grid for these knots, or None when eight pieces cannot keep every cell light (then: geometric cells)."""
    runs = _with_gaps([x for x in sorted(knots, key=lambda x: (x.lo, x.hi)) if x.n])
    if not runs:
        return None
    total = sum(x.n for x in runs)
    atoms = sorted(set(atoms))[:16]
    core = max(8, core_cells(k) - 2 * len(atoms))
    low, high = outward(runs[0].lo, runs[0].hi)[0], outward(runs[-1].lo, runs[-1].hi)[1]
    starts = [low] + [x.lo for x in runs[1:]] + [high]
    density = [(x.fullest / total) * x.cells / max(x.hi - x.lo, 1e-300) if x.fullest else 0.0 for x in runs]
    best: NumericGrid | None = None
    for pieces in PIECES:
        cut, cost = split(starts, density, pieces)
        edges = [starts[i] for i in cut]
        if any(b <= a for a, b in pairwise(edges)):
            continue
        areas = [
            (b - a) * max(density[i:j], default=0.0) for a, b, i, j in zip(edges, edges[1:], cut, cut[1:], strict=False)
        ]
        whole = sum(areas) or 1.0
        spare = core - len(areas)
        cells = [1 + int(spare * a / whole) for a in areas]
        best = build(edges, cells, atoms, k)
        if cost / core <= HEAVY / k / 1.5:
            return best
    return best if cost / core <= HEAVY / k * 4 else None


def _with_gaps(runs: Sequence[Knot]) -> list[Knot]:
    """Wide empty ranges between runs become runs of their own, so that a piece can end before them."""
    found: list[Knot] = []
    for run, after in zip(runs, [*runs[1:], None], strict=True):
        found.append(run)
        if after is not None and after.lo - run.hi > run.hi - run.lo:
            end = above(run.hi)
            if end < after.lo:
                found.append(Knot(end, after.lo, 0, 1, 0))
    return found


def split(starts: Sequence[float], density: Sequence[float], pieces: int) -> tuple[list[int], float]:
    """Cut positions (indices of ``starts``) of at most ``pieces`` pieces with the least summed cost, and that cost."""
    found = splits(starts, density, pieces)
    return min(found, key=lambda x: x[1])


def splits(starts: Sequence[float], density: Sequence[float], most: int) -> list[tuple[list[int], float]]:
    """The best cut into exactly 1, 2, ... ``most`` pieces: positions and summed cost."""
    m = len(density)
    at, weight = np.asarray(starts), np.asarray(density, dtype=float)
    later = np.triu(np.ones((m, m), dtype=bool))  # run i to run j, i <= j
    top = np.maximum.accumulate(np.where(later, weight[None, :], 0.0), axis=1)
    price = np.full((m + 1, m + 1), np.inf)
    with np.errstate(over="ignore", invalid="ignore"):
        price[:m, 1:] = np.where(later, (at[None, 1:] - at[:m, None]) * top, np.inf)
    price[np.isnan(price)] = np.inf
    cost, back = np.full(m + 1, np.inf), []
    cost[0] = 0.0
    found = []
    for p in range(min(most, m)):
        total = cost[:, None] + price
        back.append(total.argmin(axis=0))
        cost = total.min(axis=0)
        j, cut = m, [m]
        for steps in reversed(back[: p + 1]):
            j = int(steps[j])
            cut.append(j)
        found.append((cut[::-1], float(cost[m])))
    return found


def value_bins(grid: NumericGrid) -> tuple[Bin, ...]:
    """One bin a value, and one (index -1) for everything else."""
    first = grid.core_base
    bins = [Bin(i, f"{v:.15g}", v, v, first + 1 + 2 * i, first + 1 + 2 * i) for i, v in enumerate(grid.atoms)]
    return tuple(bins)


@dataclass(frozen=True, slots=True)
class Decile:
    """The pilot cell that holds a decile: rows up to before and after it."""

    cell: int
    before: int
    after: int


def quantile_bins(deciles: Sequence[tuple[float, Decile]], total: int, grid: NumericGrid) -> tuple[Bin, ...]:
    """Deciles snapped to the nearer side of the cell that holds them: ten bins, fewer where one value is heavy.

    A value lies in a bin [lower, upper) exactly when its cell is one of the bin's.
    """
    cells = []
    for share, d in deciles:
        rank = share * total
        nearer_before = rank - d.before <= d.after - rank
        if (nearer_before and d.before > 0) or (not nearer_before and d.after < total):
            cells.append(d.cell if nearer_before else d.cell + 1)
    cells = sorted(set(cells))
    cuts = {cell: edge(grid, cell) for cell in cells}
    at = list(cuts.values())
    gaps = [b - a for a, b in pairwise(at)]
    room = {e: min(gaps[max(0, i - 1) : i + 1], default=0.0) for i, e in enumerate(at)}
    froms = [NEG_INF_CELL, *cells]
    bins = []
    for i, start in enumerate(froms):
        end = cells[i] - 1 if i < len(cells) else POS_INF_CELL
        lower = cuts.get(start) if start != NEG_INF_CELL else None
        upper = cuts[cells[i]] if i < len(cells) else None
        left, above_left = ("-inf", False) if lower is None else shown(lower, room[lower])
        right, above_right = ("inf", False) if upper is None else shown(upper, room[upper])
        label = f"{'(' if above_left else '['}{left}, {right}{']' if above_right else ')'}"
        bins.append(Bin(i, label, lower, upper, start, end))
    return tuple(bins)
