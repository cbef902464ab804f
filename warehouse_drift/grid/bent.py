"""Bent pieces: cells that are narrow near one value and ever wider away from it (``spec.Piece`` has the formulas)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from warehouse_drift.grid.spec import Piece

Floats = NDArray[np.float64]
REACHES = range(-3, 3)
"""Powers of four tried, around the distance of the median from the anchor."""


def bent_pieces(
    starts: Sequence[float],
    shares: Sequence[float],
    lo: float,
    hi: float,
    cells: int,
    most: float,
    base: int,
    pinned: tuple[bool, bool] = (False, False),
) -> list[Piece] | None:
    """The bent core whose fullest cell is lightest, from runs of values (``starts``, one more than runs) and the share of
    rows in each; None when ``cells`` cells cannot keep every one under ``most`` of the rows. An end
    that is ``pinned`` holds a heavy single value, which an anchor sets apart.

    One piece is preferred to two. The core reaches as far beyond [lo, hi] as that is wide.
    """
    mass = np.asarray(shares, dtype=float)
    if len(mass) < 3 or not 1e-100 < hi - lo < 1e100:
        return None
    middle = starts[int(np.searchsorted(np.cumsum(mass), mass.sum() / 2)) + 1]
    low = lo if pinned[0] else _beyond(lo, middle - lo, math.floor)
    high = hi if pinned[1] else _beyond(hi, hi - middle, math.ceil)
    at = np.asarray([low, *starts[1:-1], high], dtype=float)
    width = high - low
    if not (np.diff(at) > 0).all():
        return None
    found: list[tuple[float, list[Piece]]] = []
    for bend, anchor in (("rise", low), ("fall", high)):
        for reach, root in _reaches(abs(middle - anchor), width, cells):
            t = _t(bend, at, anchor, reach, root)
            heaviest = float(np.max(mass / np.maximum(np.diff(t), 1e-300))) / cells
            if heaviest <= most:
                found.append((heaviest, [_piece(bend, low, high, cells, base, anchor, reach, root)]))
    if not found:
        quarter = float(at[int(np.searchsorted(np.cumsum(mass), mass.sum() / 4)) + 1])
        for anchor in {0.0, _short(middle, abs(middle - quarter))}:
            if not low < anchor < high:
                continue
            for reach, root in _reaches(max(abs(middle - quarter), abs(middle - anchor)), width, cells):
                found += _pair(at, mass, low, high, cells, most, base, anchor, reach, root)
        # one formula for both sides: a fall and a rise cost half a plain aggregate more on every later scan
        found = [x for x in found if len(x[1]) == 1] or found
    return min(found, key=lambda x: x[0])[1] if found else None


def _pair(
    at: Floats,
    mass: Floats,
    low: float,
    high: float,
    cells: int,
    most: float,
    base: int,
    anchor: float,
    reach: float,
    root: bool,
) -> list[tuple[float, list[Piece]]]:
    """Cells on both sides of ``anchor``: as many on each where that keeps all light enough, else a fall up to it and a
    rise from it, cells shared out so that both have the same fullest cell."""
    edges = np.sort(np.append(at, anchor))
    part = np.interp(edges, at, np.concatenate([[0.0], np.cumsum(mass)]))
    rows = np.diff(part)
    place = int(np.searchsorted(edges, anchor))
    fall = np.diff(_t("fall", edges[: place + 1], anchor, reach, root))
    rise = np.diff(_t("rise", edges[place:], anchor, reach, root))
    left = float(np.max(rows[:place] / np.maximum(fall, 1e-300)))
    right = float(np.max(rows[place:] / np.maximum(rise, 1e-300)))
    half = cells // 2
    if max(left, right) / half <= most:
        first = _piece("fall", low, anchor, half, base, anchor, reach, root, inner=True)
        second = _piece("rise", anchor, high, half, base, anchor, reach, root)
        return [(max(left, right) / half, [Piece(first.lo, second.hi, 2 * half, base, False, "both", anchor, reach, root)])]
    n = max(1, min(cells - 2, round((cells - 1) * left / (left + right))))
    heaviest = max(left / n, right / (cells - 1 - n))
    if heaviest > most:
        return []
    first = _piece("fall", low, anchor, n, base, anchor, reach, root, inner=True)
    second = _piece("rise", anchor, high, cells - 1 - n, base + first.numbers, anchor, reach, root)
    return [(heaviest, [first, second])]


def _piece(
    bend: str,
    low: float,
    high: float,
    cells: int,
    base: int,
    anchor: float,
    reach: float,
    root: bool,
    *,
    inner: bool = False,
) -> Piece:
    """Its open end lies a width further out: values beyond the baseline's still find their cell there."""
    beyond = high - low
    if bend == "rise":
        high = _beyond(high + beyond, beyond, math.ceil)
    else:
        low = _beyond(low - beyond, beyond, math.floor)
    if bend == "fall" and anchor == high and not inner:
        high = math.nextafter(high, math.inf)
    return Piece(low, high, cells, base, False, bend, anchor, reach, root)


def _t(bend: str, x: Floats, anchor: float, reach: float, root: bool) -> Floats:
    away = reach / ((x - anchor if bend == "rise" else anchor - x) + reach)
    t = np.sqrt(away) if root else away
    return np.asarray(1.0 - t if bend == "rise" else t)


def _reaches(distance: float, width: float, cells: int) -> list[tuple[float, bool]]:
    """Powers of four around ``distance``, none so small or large that the formulas lose their digits, and whether the
    square root is needed: without it the outermost cell would be more than a hundredth of the width."""
    if not distance > 0.0:
        distance = width / 64
    found = [4.0 ** (math.floor(math.log2(distance) / 2) + j) for j in REACHES]
    usable = [r for r in found if width * 1e-9 < r < width * 1e3]
    return [(r, root) for r in usable for root in (False, True) if root or r * cells > width / 100]


def _beyond(x: float, scale: float, rounded: Callable[[float], int]) -> float:
    """``x`` outwards to about three digits of ``scale``: the edge of a range, near which the cells are narrow."""
    if not 1e-290 < scale < 1e290:
        return x
    step = 10.0 ** (math.floor(math.log10(scale)) - 3)
    if abs(x) / step > 1e15:
        return x
    found = float(f"{rounded(x / step) * step:.15g}")
    return found if (found <= x if rounded is math.floor else found >= x) else x


def _short(x: float, scale: float) -> float:
    """``x`` to about two digits of ``scale``."""
    if not 1e-290 < scale < 1e290:
        return x
    step = 10.0 ** (math.floor(math.log10(scale)) - 1)
    return float(f"{round(x / step) * step:.15g}") if abs(x) / step < 1e15 else x
