"""Performance from counts: confusion matrices as they came true or as probabilities say they should be, the calibration
of scores, and how much of a metric is chance. Pure.

Sources: the confusion matrix of expected counts is confidence-based performance estimation (TP = sum of p over rows
predicted 1, and so on); the isotonic fit is the slope of the lower convex hull of the cumulative sums (Barlow and others,
1972); sampling errors follow NannyML 0.13: standard deviation over the rows that matter, over the root of how many of
them a chunk has.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

RANGE = 3.0
"""A band is so many sampling errors wide on each side, as NannyML's."""
OPEN = 1e300
"""Beyond every score."""
RANKING = ("roc_auc", "average_precision")
REGRESSION = ("mae", "mape", "mse", "rmse", "msle", "rmsle")
UNLIMITED = ("business_value", *REGRESSION)


@dataclass(frozen=True, slots=True)
class Confusion:
    """Rows by prediction and truth; expected ones are no whole numbers."""

    tp: float
    fp: float
    fn: float
    tn: float

    @property
    def rows(self) -> float:
        return self.tp + self.fp + self.fn + self.tn


@dataclass(frozen=True, slots=True)
class Piece:
    """p = y + slope (score - x) for lower <= score < upper."""

    lower: float
    upper: float
    x: float
    y: float
    slope: float


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole > 0 else None


def metrics(c: Confusion, values: Sequence[float] | None = None) -> dict[str, float | None]:
    """Metrics of one confusion matrix; None where nothing can be divided. ``values``: what a TN, FP, FN and TP is worth."""
    found = {
        "accuracy": _share(c.tp + c.tn, c.rows),
        "precision": _share(c.tp, c.tp + c.fp),
        "recall": _share(c.tp, c.tp + c.fn),
        "specificity": _share(c.tn, c.tn + c.fp),
        "f1": _share(c.tp, c.tp + 0.5 * (c.fp + c.fn)),
    }
    if values is not None:
        tn, fp, fn, tp = values
        found["business_value"] = tn * c.tn + fp * c.fp + fn * c.fn + tp * c.tp if c.rows > 0 else None
    return found


def sampling_error(
    metric: str, reference: Confusion, rows: float, values: Sequence[float] | None = None
) -> float | None:
    """How far a metric of a chunk of ``rows`` rows moves by chance alone, from the reference's confusion matrix."""
    c, n = reference, reference.rows
    if n <= 0 or rows <= 0:
        return None
    if metric == "business_value":
        if values is None:
            return None
        worth = list(zip(values, (c.tn, c.fp, c.fn, c.tp), strict=True))
        mean = sum(v * k for v, k in worth) / n
        return math.sqrt(sum((v - mean) ** 2 * k for v, k in worth) / n) * math.sqrt(rows)
    hits, relevant, factor = {
        "accuracy": (c.tp + c.tn, n, 1.0),
        "precision": (c.tp, c.tp + c.fp, 1.0),
        "recall": (c.tp, c.tp + c.fn, 1.0),
        "specificity": (c.tn, c.tn + c.fp, 1.0),
        "f1": (c.tp, c.tp + c.fp + c.fn, (c.tp + c.fp + c.fn) / max(c.tp + 0.5 * (c.fp + c.fn), 1e-300)),
    }[metric]
    if relevant <= 0:
        return None
    q = hits / relevant
    return factor * math.sqrt(q * (1.0 - q)) / math.sqrt(rows * relevant / n)


def auc_sampling_error(place: Mapping[str, float | None], rows: float) -> float | None:
    """The same for the area under the ROC curve, from ``performance/placement``: over the rarer class, the deviation
    of the share of the other class on the right side of a row. As in NannyML a positive on the very first place is
    left out."""
    ones, zeros = float(place["positives"] or 0), float(place["negatives"] or 0)
    if ones <= 0 or zeros <= 0 or rows <= 0:
        return None
    if ones <= zeros:
        few, first, square = ones, place["first_below"], place["first_square"]
        edge = place["lowest_hits"] == 1 and place["lowest_rows"] == 1
    else:
        few, first, square = zeros, place["last_above"], place["last_square"]
        edge = place["highest_hits"] == 0 and place["highest_rows"] == 1
    n = few - 1 if edge else few
    if n <= 0:
        return None
    mean = float(first or 0.0) / n
    variance = max(0.0, float(square or 0.0) / n - mean * mean)
    return math.sqrt(variance) / math.sqrt(rows * few / (ones + zeros))


def hull(points: Sequence[tuple[int, int, float | None, float | None]]) -> list[tuple[float, float, float]]:
    """Steps of the isotonic fit, (first score, last score, share of positives), from points (rows so far, positives so
    far, score, next score) in order, of which the first is the start."""
    kept: list[tuple[int, int, float | None, float | None]] = []
    for point in points:
        while len(kept) >= 2:
            (a, b), (c, d) = kept[-2][:2], kept[-1][:2]
            if (d - b) * (point[0] - c) >= (point[1] - d) * (c - a):
                kept.pop()
            else:
                break
        kept.append(point)
    steps = []
    for before, after in pairwise(kept):
        assert before[3] is not None and after[2] is not None
        steps.append((before[3], after[2], (after[1] - before[1]) / (after[0] - before[0])))
    return steps


def pieces(steps: Sequence[tuple[float, float, float]]) -> list[Piece]:
    """The fit as a function of the score: flat on each step, linear between two, flat outside."""
    found: list[Piece] = []
    for i, (low, high, share) in enumerate(steps):
        after = steps[i + 1] if i + 1 < len(steps) else None
        lower = -OPEN if i == 0 else low
        if after is None:
            found.append(Piece(lower, OPEN, low, share, 0.0))
            break
        end = math.nextafter(high, math.inf)
        found.append(Piece(lower, end, low, share, 0.0))
        found.append(Piece(end, after[0], high, share, (after[2] - share) / (after[0] - high)))
    return [p for p in found if p.lower < p.upper]


def regression(row: Mapping[str, float | None]) -> dict[str, tuple[float | None, float | None]]:
    """metric -> (value, standard deviation of the loss over rows), from ``performance/regression``."""
    n = int(row["n"] or 0)

    def mean(name: str, usable: bool = True) -> tuple[float | None, float | None]:
        total, square = row[name], row[f"{name}_square"]
        if n < 1 or total is None or square is None or not usable:
            return None, None
        at = float(total) / n
        return at, math.sqrt(max(0.0, float(square) / n - at * at))

    absolute, squared = mean("absolute"), mean("squared")
    relative, logged = mean("relative", not row["zeros"]), mean("logged", not row["negative"])

    def root(pair: tuple[float | None, float | None]) -> tuple[float | None, float | None]:
        return (None if pair[0] is None else math.sqrt(pair[0])), None

    return {
        "mae": absolute, "mape": relative, "mse": squared, "rmse": root(squared), "msle": logged, "rmsle": root(logged),
    }  # fmt: skip


def limits(metric: str, values: Sequence[float | None], multiplier: float) -> tuple[float | None, float | None]:
    """(lower, upper): mean of the reference's chunks and so many standard deviations of theirs, within what the metric
    can be."""
    seen = [v for v in values if v is not None]
    if not seen:
        return None, None
    mean = sum(seen) / len(seen)
    wide = multiplier * math.sqrt(sum((v - mean) ** 2 for v in seen) / len(seen))
    low, high = mean - wide, mean + wide
    if metric in REGRESSION:
        return max(low, 0.0), high
    return (low, high) if metric in UNLIMITED else (max(low, 0.0), min(high, 1.0))


def band(metric: str, value: float | None, error: float | None) -> tuple[float | None, float | None]:
    """(lower, upper) end of what the value may be by chance."""
    if value is None or error is None:
        return None, None
    low, high = value - RANGE * error, value + RANGE * error
    if metric in REGRESSION:
        return max(low, 0.0), high
    return (low, high) if metric in UNLIMITED else (max(low, 0.0), min(high, 1.0))
