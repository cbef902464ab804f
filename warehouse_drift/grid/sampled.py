"""A column's first grid, from a sample of the baseline: in most cases the only one it ever needs.

The sample (some thousand rows) gives runs of values that hold equal shares of the rows, and the heavy single values.
Counts are made on the grid afterwards, over all rows, and checked: a sample that misled costs one more pass.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from warehouse_drift.grid.bent import bent_pieces
from warehouse_drift.grid.fit import (
    HEAVY,
    MAX_VALUE_CELLS,
    above,
    build,
    core_cells,
    geometric_grid,
    grid_of,
    outward,
    pilot_grid,
    splits,
    tail_cells,
    value_grid,
)
from warehouse_drift.grid.spec import NumericGrid

SAMPLE_ROWS = 16_384
"""Rows that a sample aims at; a baseline of at most twice as many is taken whole."""
MOST = 4 * SAMPLE_ROWS
"""A sample that reaches this is not looked at: where it was cut off is chance."""
ENOUGH = 1_000
"""A sample with fewer rows is not looked at."""
MARGIN = 1.15
"""A run's fullest cell may hold that much more than the sample says."""
LEFT_OUT = ((0, 0, True), (0, 0, False), (0, 1, False), (1, 0, False), (1, 1, False), (0, 2, False), (2, 0, False))
"""What may be left to the geometric tails, in order of preference: (runs of 64 below, runs above, core over the true
range). A core with fewer pieces wins: each costs a quarter of a plain aggregate on every later scan."""
MAX_PIECES = 8
MAX_ATOMS = 16


@dataclass(frozen=True, slots=True)
class Run:
    """A run of sampled values, or a heavy ``single`` value with the distance (``gap``) to its nearest neighbour."""

    lo: float
    hi: float
    n: int
    distinct: int = 1
    single: bool = False
    gap: float = math.inf


_DIGITS = (618_033_988.7498949, 754_877_666.2466927, 569_840_290.9980532)


@dataclass(frozen=True, slots=True)
class SampleKey:
    """A column whose digits pick rows: those where the sum over keys of (x - low) * scale has its fraction in a range."""

    column: int
    low: float
    scale: float

    @property
    def least(self) -> float:
        """A distance from ``low`` whose product with ``scale`` is no digit and no zero; some engines refuse a zero."""
        return min(1e-200 / self.scale, 1e300)


def sample_keys(ranges: Sequence[tuple[int, float, float, bool]]) -> tuple[SampleKey, ...]:
    """Up to three columns to pick rows by, from (column number, lo, hi, integer) of all; fractions come first."""
    usable = [r for r in ranges if 1e-290 < r[2] - r[1] < 1e290]
    chosen = sorted(usable, key=lambda r: (r[3], r[0]))[: len(_DIGITS)]
    return tuple(
        SampleKey(number, lo, digits / (hi - lo)) for (number, lo, hi, _), digits in zip(chosen, _DIGITS, strict=False)
    )


def first_grid(runs: Sequence[Run], lo: float, hi: float, k: int) -> NumericGrid:
    """The grid for a column whose finite values lie in [lo, hi]."""
    total = sum(r.n for r in runs)
    if total < 2 or lo >= hi:
        return pilot_grid(lo, hi, k)
    singles = [r for r in runs if r.single]
    spread = sorted((r for r in runs if not r.single), key=lambda r: r.lo)
    if not spread and len(singles) <= MAX_VALUE_CELLS:
        return value_grid([r.lo for r in singles], k)
    if len(spread) < 3:
        return pilot_grid(lo, hi, k)
    core = core_cells(k)
    pinned = (any(r.lo <= spread[0].lo for r in singles), any(r.hi >= spread[-1].hi for r in singles))
    grid = _bent_or_straight(spread, total, lo, hi, k, core, pinned)
    if grid is None:
        smallest = min((min(abs(r.lo), abs(r.hi)) for r in spread if r.lo and r.hi), default=1e-308)
        return geometric_grid(lo, hi, k, max(smallest / 16, 1e-308), cells=core)
    atoms = _atoms(singles, grid, total, k)
    if atoms:
        grid = _bent_or_straight(spread, total, lo, hi, k, core - 2 * len(atoms), pinned, atoms) or grid
    return grid


def _bent_or_straight(
    spread: Sequence[Run],
    total: int,
    lo: float,
    hi: float,
    k: int,
    core: int,
    pinned: tuple[bool, bool],
    atoms: Sequence[float] = (),
) -> NumericGrid | None:
    """Equal cells over the whole range where they do; else bent ones; else several pieces."""
    straight = _fit(spread, total, lo, hi, k, core, pinned, atoms, (LEFT_OUT[0],), 1)
    if straight is not None:
        return straight
    starts, shares = _shares(spread, total)
    bent = bent_pieces(starts, shares, lo, hi, core, HEAVY / k, 1 + tail_cells(k)[0], pinned)
    if bent is not None:
        return grid_of(bent, atoms, k)
    return _fit(spread, total, lo, hi, k, core, pinned, atoms)


def _fit(
    spread: Sequence[Run],
    total: int,
    lo: float,
    hi: float,
    k: int,
    core: int,
    pinned: tuple[bool, bool],
    atoms: Sequence[float] = (),
    left_out: Sequence[tuple[int, int, bool]] = LEFT_OUT,
    most: int = MAX_PIECES,
) -> NumericGrid | None:
    """The fewest pieces that keep every cell light: over the whole range if that is as cheap, else with thin ends left
    to the geometric tails; a ``pinned`` end (a heavy single value sits there) stays inside."""
    starts, density = _density(spread, total)
    best: tuple[int, list[float], list[float]] | None = None
    for low, high, whole in left_out:
        inner, weights = starts[low : len(starts) - high], density[low : len(density) - high]
        if len(weights) < 2:
            break
        low_end, high_end = outward(inner[0], inner[-1])
        true_low, true_high = outward(lo, hi)
        edges = [low_end, *inner[1:-1], high_end]
        if (pinned[0] and low) or (pinned[1] and high):
            continue
        if whole or pinned[0]:
            edges, weights = _stretched(edges, weights, true_low)
        if whole or pinned[1]:
            edges, weights = _stretched(edges, weights, true_high)
        if any(not b > a for a, b in pairwise(edges)) or not _tails_light(starts, density, low, high, edges, k):
            continue
        for p, (cut, cost) in enumerate(splits(edges, weights, most), 1):
            if best is not None and p >= best[0]:
                break
            if cost / core <= HEAVY / k:
                chosen = [edges[i] for i in cut]
                areas = [
                    (b - a) * max(weights[i:j]) for (a, b), (i, j) in zip(pairwise(chosen), pairwise(cut), strict=True)
                ]
                best = (p, chosen, areas)
                break
        if best is not None and best[0] == 1:
            break
    if best is None:
        return None
    _, chosen, areas = best
    spare = core - len(areas)
    cells = [1 + int(spare * a / (sum(areas) or 1.0)) for a in areas]
    return build(_short(chosen), cells, atoms, k, up=True)


def _shares(spread: Sequence[Run], total: int) -> tuple[list[float], list[float]]:
    """Where runs start (and the last one ends), and the share of rows in each. A wide empty range after a run becomes a
    run of its own, so that a piece can end before it."""
    starts, shares = [], []
    for run, after in zip(spread, [*spread[1:], None], strict=True):
        starts.append(run.lo)
        shares.append(run.n / total * MARGIN)
        if after is not None and run.hi > run.lo and after.lo - run.hi > 4 * (run.hi - run.lo):
            starts.append(above(run.hi))
            shares.append(0.0)
    return [*starts, spread[-1].hi], shares


def _density(spread: Sequence[Run], total: int) -> tuple[list[float], list[float]]:
    """The same with the share of rows per unit of length in each run."""
    starts, shares = _shares(spread, total)
    density = [
        0.0 if share == 0.0 else share / (b - a) if b - a > 1e-300 else math.inf
        for share, (a, b) in zip(shares, pairwise(starts), strict=True)
    ]
    for edge, beside in ((0, 1), (-1, -2)):  # the outermost runs are wide, and fuller on their inner side
        if len(density) > 2 and 0.0 < density[edge] < density[beside] < math.inf:
            density[edge] = (density[edge] + density[beside]) / 2
    return starts, density


def _stretched(edges: list[float], weights: list[float], end: float) -> tuple[list[float], list[float]]:
    """The core up to ``end``. A short way is one with the run beside it, a long one is a run without rows."""
    if end < edges[0]:
        if edges[0] - end <= 4 * (edges[1] - edges[0]):
            return [end, *edges[1:]], weights
        return [end, *edges], [0.0, *weights]
    if end > edges[-1]:
        if end - edges[-1] <= 4 * (edges[-1] - edges[-2]):
            return [*edges[:-1], end], weights
        return [*edges, end], [*weights, 0.0]
    return edges, weights


def _tails_light(
    starts: Sequence[float], density: Sequence[float], low: int, high: int, edges: Sequence[float], k: int
) -> bool:
    """Whether the runs left outside are thin enough for the geometric cells there (data with a hard edge are not)."""
    grown = 2.0 ** (1.0 / tail_cells(k)[1]) - 1.0
    unit = (edges[-1] - edges[0]) / 8
    outside = [(edges[0] - starts[i + 1], density[i]) for i in range(low)]
    outside += [(starts[-2 - i] - edges[-1], density[-1 - i]) for i in range(high)]
    return all(d * (max(distance, 0.0) + unit) * grown <= HEAVY / k for distance, d in outside)


def _short(edges: Sequence[float]) -> list[float]:
    """Inner edges rounded to a hundredth of the narrower piece beside them: short SQL, readable cells."""
    found = list(edges)
    for i in range(1, len(edges) - 1):
        width = min(edges[i] - edges[i - 1], edges[i + 1] - edges[i])
        step = 10.0 ** (math.floor(math.log10(width)) - 1) if 1e-290 < width < 1e290 else 0.0
        if step > 0 and abs(edges[i]) / step < 1e15:
            found[i] = float(f"{round(edges[i] / step) * step:.15g}")
    return found


def _atoms(singles: Sequence[Run], grid: NumericGrid, total: int, k: int) -> list[float]:
    """Heavy single values that would share their cell with others."""
    found = []
    for r in singles:
        if r.n * k < HEAVY * total or any(
            r.lo == (p.anchor if p.bend else p.lo) and (p.up or p.bend) for p in grid.pieces
        ):
            continue
        width = next((p.width_at(r.lo) for p in grid.pieces if p.lo <= r.lo < p.hi), 0.0)
        if r.gap < 2 * width:
            found.append((-r.n, r.lo))
    return sorted(v for _, v in sorted(found)[:MAX_ATOMS])
