"""The cell of a value, in Python: where a grid's cells begin, so that the edges of bins are those that count.

The same arithmetic as ``sql_templates/macros/numeric_cell.sql.j2``, on the same doubles. Only edges are computed with it,
never rows.
"""

from __future__ import annotations

import math
import struct
import sys
from bisect import bisect_left

from warehouse_drift.grid.spec import NumericGrid, Piece


def cell_of(grid: NumericGrid, x: float) -> int:
    """The cell number of a finite value; never falls when the value rises."""
    if x < grid.lo:
        return grid.tail - _tail_cell(grid, grid.lo - x) if grid.tail else 0
    if x >= grid.hi:
        return grid.above_base + (_tail_cell(grid, x - grid.hi) if grid.tail else 0)
    place = bisect_left(grid.atoms, x)
    rank = 2 * place + (1 if place < len(grid.atoms) and grid.atoms[place] == x else 0)
    return _core_cell(grid, x) + rank


def edge(grid: NumericGrid, cell: int) -> float:
    """The smallest finite double whose cell number is ``cell`` or more: the lower edge of that cell."""
    low, high = _bracket(grid, cell, _ordered(-sys.float_info.max), _ordered(sys.float_info.max))
    while low < high:
        middle = (low + high) // 2
        if cell_of(grid, _double(middle)) >= cell:
            high = middle
        else:
            low = middle + 1
    return _double(low)


def _bracket(grid: NumericGrid, cell: int, low: int, high: int) -> tuple[int, int]:
    """Where to look for an edge, between ``low`` and ``high``: around where the formulas, turned round, put it."""
    near = _near(grid, cell)
    if near is None or not math.isfinite(near):
        return low, high
    at, step = _ordered(near), 16
    while step < 2**60:
        below, over = max(low, at - step), min(high, at + step)
        if cell_of(grid, _double(below)) < cell <= cell_of(grid, _double(over)):
            return below, over
        step *= 256
    return low, high


def _near(grid: NumericGrid, cell: int) -> float | None:
    """About the lower edge of a cell of the core; None where that is not worth a formula."""
    if grid.atoms:
        return None
    piece = next((p for p in grid.pieces if p.base <= cell < p.base + p.numbers), None)
    if piece is None or not piece.scale > 0:
        return None
    place = cell - piece.base
    if not piece.bend:
        return piece.lo + (place - 1 if piece.up else place) / piece.scale
    steps = {"rise": place - 1, "fall": piece.cells - place, "both": max(place - piece.side - 1, piece.side - place)}
    left = piece.side - steps[piece.bend]  # cells that lie further out
    if left <= 0:
        return None
    share = piece.side / left
    away = piece.reach * (share * share if piece.root else share) - piece.reach
    falling = piece.bend == "fall" or (piece.bend == "both" and place <= piece.side)
    return piece.anchor - away if falling else piece.anchor + away


def shown(edge: float, room: float = 0.0) -> tuple[str, bool]:
    """An edge for people, and whether it is just above the number shown, which then belongs to the bin before.

    ``room`` is the width of the narrower bin beside it: an edge that is nothing against it (1.8e-15 between -1 and 1,
    which rounding left of zero) is shown as 0; a value between the two is as good as zero.
    """
    if abs(edge) <= 1e-9 * room:
        return "0", False
    below = math.nextafter(edge, -math.inf)
    just_above = len(repr(below)) < 10 < len(repr(edge)) or edge == 5e-324
    return f"{below if just_above else edge:.6g}", just_above


def _tail_cell(grid: NumericGrid, distance: float) -> int:
    units = min(max(distance, grid.tail_least), grid.tail_most) / grid.unit
    return int(min(float(grid.tail), math.floor(grid.per_octave * math.log2(1.0 + units))))


def _core_cell(grid: NumericGrid, x: float) -> int:
    if grid.octaves:
        for o in grid.octaves:
            if x != 0 and o.negative == (x < 0):
                step = math.floor((math.log2(abs(x)) - o.log2_lo) * o.per_octave)
                step = max(0, min(o.cells, step))
                return o.base + o.cells - step if o.negative else o.base + 1 + step
        return grid.zero_cell
    if not grid.pieces:
        return grid.core_base
    return _piece_cell(next((p for p in grid.pieces if x < p.hi), grid.pieces[-1]), x)


def _piece_cell(piece: Piece, x: float) -> int:
    if piece.bend == "both":
        away = abs(x - piece.anchor) + piece.reach
        step = math.ceil(piece.side - piece.quotient / (math.sqrt(away) if piece.root else away))
        return piece.base + piece.side + (step if x > piece.anchor else -step if x < piece.anchor else 0)
    if piece.bend:
        away = (x - piece.anchor if piece.bend == "rise" else piece.anchor - x) + piece.reach
        scaled = piece.quotient / (math.sqrt(away) if piece.root else away)
        return piece.base + (math.ceil(piece.cells - scaled) if piece.bend == "rise" else math.floor(scaled))
    if not piece.scale > 0:
        return piece.base
    distance = x - piece.lo
    if piece.underflows:
        distance = min(max(distance, piece.least), 1.7e308) if distance > 0 else distance
    scaled = distance * piece.scale
    return piece.base + (math.ceil(scaled) if piece.up else math.floor(scaled))


def _ordered(x: float) -> int:
    """Doubles as whole numbers in the same order."""
    (bits,) = struct.unpack("<q", struct.pack("<d", x))
    return int(bits) if bits >= 0 else -(int(bits) & 0x7FFFFFFFFFFFFFFF)


def _double(number: int) -> float:
    sign, bits = (-1.0, -number) if number < 0 else (1.0, number)
    return sign * float(struct.unpack("<d", struct.pack("<q", bits))[0])
