"""The data sets of the conformance suite, and what SciPy and numpy say about them.

A case is a pair of wide tables: many data sets side by side, padded with NULLs, so that an engine answers for all of
them in one comparison. Truth is computed on the raw rows of each column.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

DATA = Path(__file__).parents[1] / "tests" / "parity" / "data"
FRAMES: tuple[tuple[str, str, Callable[[str], Any]], ...] = (
    ("model_frame", "amount", float), ("model_frame", "age", int), ("model_frame", "region", str),
    ("model_frame", "score", float), ("streams", "error", int), ("streams", "x", float),
)  # fmt: skip
"""Columns of the frames of tests/parity, with their types; of a stream its second half against its first."""
HARD = ("pareto", "zeros", "heaped", "clusters", "magnitudes", "one_outlier")
ODD_NAMES = ('quote"inside', "Müller straße", "select", "MixedCase", "dot.dot", "100%", "a" * 63, "b" * 255)
RESPELLED = {"MixedCase": "MIXEDcase"}
"""Columns that the current side spells in another case."""
Side = Mapping[str, Sequence[Any]]


@dataclass(frozen=True, slots=True)
class Case:
    """``make`` gives (reference, current); ``brief``: the precision that a slow engine is asked for by default (both when
    it is named), so that it shows each way of measuring on its hardest data."""

    name: str
    make: Callable[[], tuple[Side, Side]]
    brief: str = "certified"
    slow: bool = False


def padded(columns: Mapping[str, Sequence[Any]]) -> dict[str, list[Any]]:
    longest = max(len(v) for v in columns.values())
    return {
        n: [x.item() if hasattr(x, "item") else x for x in v] + [None] * (longest - len(v)) for n, v in columns.items()
    }


def parity() -> tuple[Side, Side]:
    """The data sets of tests/parity: ties, heavy tails, rare categories, constants, a few rows."""
    sides: dict[str, dict[str, list[Any]]] = {"ref": {}, "cur": {}}
    for path in sorted(DATA.glob("*.csv")):
        if path.stem in ("model_frame", "streams"):
            continue
        number = not path.stem.startswith("cat_")
        for side in sides.values():
            side[path.stem] = []
        with path.open() as file:
            for row in csv.DictReader(file):
                text = row["value"]
                sides[row["side"]][path.stem].append(None if text == "" else float(text) if number else text)
    for stem, column, kind in FRAMES:
        with (DATA / f"{stem}.csv").open() as file:
            rows = list(csv.DictReader(file))
        half = sum(r["period"] == "reference" for r in rows) if "period" in rows[0] else len(rows) // 2
        for side, some in (("ref", rows[:half]), ("cur", rows[half:])):
            sides[side][f"{stem}_{column}"] = [kind(r[column]) if r[column] else None for r in some]
    return padded(sides["ref"]), padded(sides["cur"])


def hard_column(name: str, drift: float, rng: np.random.Generator, n: int) -> np.ndarray:
    """Distributions that break simple grids: unbounded tails, masses on one value, clusters far apart."""
    if name == "pareto":
        return (1 + drift) / (1 - rng.random(n))
    if name == "zeros":
        return np.where(rng.random(n) < 0.6 - drift, 0.0, rng.random(n) * 100)
    if name == "heaped":
        return np.floor(rng.exponential(20 * (1 + drift), n)) + 0.99
    if name == "clusters":
        return np.where(rng.random(n) < 0.5 + drift, rng.normal(size=n), 1e9 + rng.normal(size=n))
    if name == "magnitudes":
        return 10.0 ** rng.uniform(-300, 300 - 100 * drift, n)
    assert name == "one_outlier"
    return np.r_[rng.normal(drift, 1, n - 1), 1e300 if drift == 0 else 1e299]


def hard() -> tuple[Side, Side]:
    rng, n = np.random.default_rng(7), 8000
    reference = {f"{name}_{way}": hard_column(name, 0.0, rng, n) for name in HARD for way in ("same", "drifted")}
    current = {
        f"{name}_{way}": hard_column(name, 0.1 * (way == "drifted"), rng, n)
        for name in HARD
        for way in ("same", "drifted")
    }
    return padded(reference), padded(current)


def special() -> tuple[Side, Side]:
    """NaN and infinities, whole numbers of 64 bits, booleans, columns without a value, names that need quoting."""
    rng = np.random.default_rng(5)

    def side(shift: float) -> dict[str, Any]:
        many = {
            "nan_inf": [*rng.normal(shift, 1, 500).tolist(), None, None, math.nan, math.inf, -math.inf],
            "bigint": [int(v) + 2**60 for v in rng.integers(-(2**40), 2**40, 600)],
            "flag": [bool(v) for v in rng.random(600) < 0.5 + shift],
            "constant": [3.5] * 600,
            "none_at_all": [None] * 600,
            "unicode": [str(v) for v in rng.choice(["é", "日本", "a'b", "", "null", "\\", "%s", ":x"], 600)],
        }
        return many | {name: rng.normal(shift, 1, 600).tolist() for name in ODD_NAMES}

    return padded(side(0.0)), padded(side(0.2))


def many_values() -> tuple[Side, Side]:
    """Texts with thousands of distinct values: tested on hash buckets."""
    rng = np.random.default_rng(11)
    return {"u": [f"u{i}" for i in rng.zipf(1.3, 6000) % 5000]}, {"u": [f"u{i}" for i in rng.zipf(1.3, 5000) % 5000]}


def empty() -> tuple[Side, Side]:
    return {"x": [1.0, 2.0, 3.0], "t": ["a", "b", "a"]}, {"x": [], "t": []}


CASES = {
    c.name: c
    for c in (
        Case("parity", parity, brief="exact"),
        Case("hard", hard, slow=True),
        Case("special", special, brief="exact"),
        Case("many_values", many_values),
        Case("empty", empty),
    )
}


@cache
def data(name: str) -> tuple[Side, Side]:
    return CASES[name].make()


@dataclass(frozen=True, slots=True)
class Truth:
    """The right value of a statistic and of its p-value, where SciPy says one."""

    value: float
    p_value: float | None = None
    rel: float = 1e-9


def numeric_truth(reference: Sequence[Any], current: Sequence[Any]) -> dict[str, Truth]:
    x, y = (np.array([float(v) for v in s if v is not None and not math.isnan(v)]) for s in (reference, current))
    if not len(x) or not len(y):
        return {}
    ks = stats.ks_2samp(x, y, method="auto" if max(len(x), len(y)) <= 3000 else "asymp")
    found = {"ks": Truth(float(ks.statistic), float(ks.pvalue) if max(len(x), len(y)) <= 3000 else None)}
    if np.isfinite(x).all() and np.isfinite(y).all():
        area = float(stats.wasserstein_distance(x, y))
        found["wasserstein"] = Truth(area)
        with np.errstate(over="ignore"):
            spread = float(np.std(x))
        if spread > 0 and math.isfinite(spread):
            found["wasserstein_normed"] = Truth(area / spread)
    return found


def categorical_truth(reference: Sequence[Any], current: Sequence[Any]) -> dict[str, Truth]:
    x, y = ([str(v) for v in s if v is not None] for s in (reference, current))
    if not x or not y or len(set(x)) > 1000:
        return {}
    names = sorted(set(x) | set(y))
    table = np.array([[s.count(v) for v in names] for s in (x, y)])
    p, q = table[0] / len(x), table[1] / len(y)
    found = {
        "l_infinity": Truth(float(np.abs(p - q).max())),
        "total_variation": Truth(float(np.abs(p - q).sum() / 2)),
        "unseen_rate": Truth(sum(1 for v in y if v not in set(x)) / len(y)),
        "missing_rate": Truth(1 - len(y) / len(current)),
        "missing_rate_change": Truth((1 - len(y) / len(current)) - (1 - len(x) / len(reference))),
    }
    if len(names) > 1:
        chi = stats.chi2_contingency(table, correction=False)
        found["chi_squared"] = Truth(float(chi.statistic), float(chi.pvalue))
    return found


def truth(reference: Sequence[Any], current: Sequence[Any]) -> dict[str, Truth]:
    """What independent code says about one column."""
    first = next((v for v in [*reference, *current] if v is not None), None)
    if first is None:
        return {}
    return (categorical_truth if isinstance(first, (str, bool)) else numeric_truth)(reference, current)


def days(first: int, last: int, shift: float = 0.0, per_day: int = 60) -> list[dict[str, Any]]:
    """Rows of a monitored table: a numeric, an integer and a categorical column with NULLs, a segment, a wall clock."""
    found = []
    for d in range(first, last):
        rng = np.random.default_rng([1, d])
        for _ in range(per_day):
            found.append(
                {
                    "ts": datetime(2025, 3, 3) + timedelta(days=d, seconds=int(rng.integers(0, 86_400))),
                    "x": None if rng.random() < 0.05 else round(float(rng.normal(10 + shift, 2)), 3),
                    "k": int(rng.poisson(3)),
                    "c": None if rng.random() < 0.04 else "uvwxyz"[min(5, int(rng.exponential(1.2)))],
                    "seg": [None, "a", "b"][int(rng.choice(3, p=[0.1, 0.6, 0.3]))],
                }
            )
    return found


def columns_of(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    return {name: [row[name] for row in rows] for name in rows[0]}
