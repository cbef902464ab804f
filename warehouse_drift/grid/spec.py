"""The frozen description of a column's grid, and the numbering of its cells.

Cell numbers of a numeric grid rise with the value: ``below`` (0), the lower geometric tail, the core, the upper
geometric tail, ``above``. So ``ORDER BY cell_index`` is an order by value, and a bin is a range of cell numbers.
"""

from __future__ import annotations

import hashlib
import json
import math
import sys
from dataclasses import asdict, dataclass

NEG_INF_CELL = -1
POS_INF_CELL = 2_000_000_000
NULL_CELL = -2
NAN_CELL = -3


@dataclass(frozen=True, slots=True)
class Piece:
    """Equal-width cells over [lo, hi): cell = base + floor((x - lo) * scale). One number is spare for rounding.

    ``up`` takes the ceiling instead: the value ``lo`` itself then has a cell of its own, at no cost. Minimum values
    (zero above all) are the most frequent heavy single values there are.

    A bent piece has cells of equal width in t, narrow near its ``anchor`` and ever wider away from it, at the price of
    one division; half of them lie within ``reach`` (a power of four). With ``root`` the square root of the quotient is
    taken, and cells far out grow more slowly: for tails that reach thousands of times further than the middle.
    rise: t = 1 - reach / (x - anchor + reach), anchored at the lower end; fall: t = reach / (anchor - x + reach), at the
    upper end; both: t = sign(x - anchor) * (1 - reach / (|x - anchor| + reach)), anchored inside, half of the cells on
    each side. One of them, or a fall and a rise with cells of their own from a point inside, fits most skewed and
    heavy-tailed data. Each is a chain of operations that only rise or only fall with x, so no rounding can put a larger
    value into an earlier cell.
    """

    lo: float
    hi: float
    cells: int
    base: int
    up: bool = False
    bend: str = ""
    anchor: float = 0.0
    reach: float = 0.0
    root: bool = False

    @property
    def scale(self) -> float:
        scale = self.cells / (self.hi - self.lo) if self.hi > self.lo else 0.0
        return scale if scale < 1e308 else 0.0  # a scale that is not finite makes one cell of the piece

    @property
    def least(self) -> float:
        """A distance from ``lo`` that surely lies in the first cell, and times ``scale`` is no zero."""
        return min(1e-200 / self.scale, 1e300) if self.scale else 1e-300

    @property
    def underflows(self) -> bool:
        """Whether the smallest distance from ``lo`` times ``scale`` becomes zero; some engines refuse that."""
        return math.ulp(self.lo) / 2 * self.scale == 0.0

    @property
    def numbers(self) -> int:
        """Cell numbers that the piece takes."""
        return self.cells + (2 if self.up or self.bend else 1)

    def width_at(self, x: float) -> float:
        """About the width of the cell that holds ``x``."""
        if not self.bend:
            return (self.hi - self.lo) / self.cells
        away = abs(x - self.anchor) + self.reach
        if self.root:
            return 2.0 * away * math.sqrt(away / self.reach) / self.side
        return away * (away / self.reach) / self.side

    @property
    def side(self) -> int:
        """Cells on one side of a bent piece's anchor."""
        return self.cells // 2 if self.bend == "both" else self.cells

    @property
    def quotient(self) -> float:
        """The numerator of a bent piece's formula: cells at distance 0, exactly."""
        return self.side * (math.sqrt(self.reach) if self.root else self.reach)


@dataclass(frozen=True, slots=True)
class Octaves:
    """Geometric cells of one sign: cell = base + floor((log2|x| - log2_lo) * per_octave), counted down if negative."""

    negative: bool
    log2_lo: float
    per_octave: float
    cells: int
    base: int


@dataclass(frozen=True, slots=True)
class NumericGrid:
    """``pieces`` cover the core [lo, hi); ``atoms`` (sorted) are values with a cell of their own inside it.

    ``tail`` geometric cells lie on each side of the core, ``per_octave`` to a doubling of the distance in ``unit``s.
    ``octaves`` replaces pieces for data spread evenly over many orders of magnitude.
    """

    lo: float
    hi: float
    pieces: tuple[Piece, ...] = ()
    atoms: tuple[float, ...] = ()
    octaves: tuple[Octaves, ...] = ()
    tail: int = 0
    per_octave: int = 8
    unit: float = 1.0
    resolution: int = 100

    @property
    def tail_least(self) -> float:
        """A distance from the core that lies in the first tail cell."""
        return max(self.unit * 1e-20, 5e-324)

    @property
    def tail_most(self) -> float:
        """A distance from the core that lies beyond the last tail cell."""
        return min(self.unit * math.pow(2.0, self.tail / self.per_octave + 1), sys.float_info.max)

    @property
    def core_base(self) -> int:
        return 1 + self.tail

    @property
    def one_origin(self) -> float | None:
        """Where sums of all cells are taken from, when that costs no digits that matter; else each piece has its own."""
        if not self.pieces:
            return self.lo if self.atoms and not self.octaves else None
        if self.pieces[0].bend:
            return self.pieces[0].anchor
        if len(self.pieces) == 1:
            return self.lo
        finest = min((p.hi - p.lo) / p.cells for p in self.pieces)
        return self.lo if (self.hi - self.lo) < 1e5 * finest else None

    @property
    def still(self) -> float:
        """A value that adds nothing to any sum: it lies at the origin that its sums are taken from."""
        if self.one_origin is not None:
            return self.one_origin
        return self.pieces[0].lo if self.pieces else 0.0

    @property
    def zero_cell(self) -> int:
        """Number of zero's cell on a grid of octaves."""
        positive = [o for o in self.octaves if not o.negative]
        return positive[0].base if positive else max((o.base + o.cells + 1 for o in self.octaves), default=0)

    @property
    def above_base(self) -> int:
        """Number of the first cell above the core."""
        if self.octaves:
            core = max(o.base + o.cells + 1 for o in self.octaves) - self.core_base + 1
        else:
            core = sum(p.numbers for p in self.pieces) or 1
        return self.core_base + core + 2 * len(self.atoms)

    @property
    def above_cell(self) -> int:
        return self.above_base + self.tail

    def describe(self) -> str:
        if self.octaves:
            return f"{sum(o.cells for o in self.octaves)} geometric cells"
        shape = "bent" if self.pieces and self.pieces[0].bend else "equal"
        return f"{sum(p.cells for p in self.pieces)} {shape} cells in {len(self.pieces)} piece(s), {len(self.atoms)} atom(s)"


@dataclass(frozen=True, slots=True)
class Bin:
    """A run of cells [cell_from, cell_to], or one value (``cell_key``) of a categorical column."""

    index: int
    label: str
    lower: float | None
    upper: float | None
    cell_from: int
    cell_to: int


def grid_id(expression: str, kind: str, grid: NumericGrid | None, rules: str, vocabulary: str = "") -> str:
    """Hash of all that decides what a cell means."""
    body = json.dumps([expression, kind, asdict(grid) if grid else None, rules, vocabulary], sort_keys=True)
    return hashlib.sha256(body.encode()).hexdigest()[:16]


def to_json(grid: NumericGrid) -> str:
    return json.dumps(asdict(grid), sort_keys=True)


def from_json(text: str) -> NumericGrid:
    raw = json.loads(text)
    raw["pieces"] = tuple(Piece(**p) for p in raw["pieces"])
    raw["octaves"] = tuple(Octaves(**o) for o in raw["octaves"])
    raw["atoms"] = tuple(raw["atoms"])
    return NumericGrid(**raw)
