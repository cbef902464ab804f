"""Certified intervals of the rank statistics, from cells alone, hold what SciPy says about the raw rows."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import duckdb
import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from scipy import stats

from warehouse_drift.decisions.evidence import p_ends
from warehouse_drift.decisions.model import Summary
from warehouse_drift.pipeline.metrics import clean
from warehouse_drift.sql.dialect import load_dialect
from warehouse_drift.sql.environment import identifier
from warehouse_drift.sql.render import render
from warehouse_drift.statistics.finish import FINISH
from warehouse_drift.statistics.registry import BUILT_IN

MEANS = [s.name for s in BUILT_IN if s.source == "moments"]
RANKED = [s.name for s in BUILT_IN if s.source == "ranks"]
Case = tuple[list[float], list[float], set[float], bool]
"""Both sides, the edges between cells, and ``wide`` (see ``cells``)."""
Measure = Callable[[list[Case]], list[dict[str, dict[str, Any]]]]


def cells(pair: int, x: np.ndarray, y: np.ndarray, edges: np.ndarray, *, wide: bool) -> list[tuple[Any, ...]]:
    """One row per cell between two edges, infinities apart. ``wide``: the reference's range is that of more rows than
    are left of it, as where a window is taken out of its own baseline."""
    found = []
    both = np.r_[x, y]
    numbers = np.where(both == -np.inf, -1, np.where(both == np.inf, 10**6, np.searchsorted(edges, both, "right")))
    for number in np.unique(numbers):
        mine, a, b = both[numbers == number], x[numbers[: len(x)] == number], y[numbers[len(x) :] == number]
        kind = {-1: "neg_inf", 10**6: "pos_inf"}.get(int(number), "value")
        finite = kind == "value"
        ends = (mine.min(), mine.max()) if wide else (a.min(), a.max()) if len(a) else (None, None)
        origin = float(edges[number - 1]) if finite and number else float(mine.min()) if finite else 0.0
        sums = [float((side - origin).sum()) if finite and len(side) else 0.0 for side in (a, b)]
        squares = [float(((side - origin) ** 2).sum()) if finite and len(side) else 0.0 for side in (a, b)]
        found.append(
            (pair, "", "all", "", 1, kind, int(number), "", None, origin, len(a), len(b), *sums, *squares, *ends,
             *((b.min(), b.max()) if len(b) else (None, None)), mine.min(), mine.max())
        )  # fmt: skip
    return [tuple(v.item() if isinstance(v, np.generic) else v for v in row) for row in found]


@pytest.fixture(scope="module")
def measure() -> Iterator[Measure]:
    dialect, connection = load_dialect("duckdb"), duckdb.connect()
    text = "pair_no INT, segment_key TEXT, segment_kind TEXT, segment_value TEXT, column_no INT, cell_kind TEXT, cell_index INT, cell_key TEXT, cell_label TEXT, origin DOUBLE, n_r HUGEINT, n_c HUGEINT"
    doubles = ("s_r", "s_c", "q_r", "q_c", "min_r", "max_r", "min_c", "max_c", "lo", "hi")
    connection.execute(f"CREATE TABLE cells ({text}, {', '.join(f'{d} DOUBLE' for d in doubles)})")
    names = {n: identifier(n) for n in ("cells", "columns", "cdf", "ranks")}
    steps = {
        name: render(f"metrics/{template}", names | {"numeric": [1], "wanted": RANKED}, dialect).sql
        for name, template in (("columns", "pooled_columns"), ("cdf", "cdf_cells"), ("ranks", "rank_bounds"))
    }
    last = {s: render(f"statistics/{s}", names | {"numeric": [1]}, dialect).sql for s in RANKED}

    def run(cases: list[Case]) -> list[dict[str, dict[str, Any]]]:
        rows = []
        for pair, (x, y, edges, wide) in enumerate(cases):
            rows += cells(pair, np.array(x), np.array(y), np.array(sorted(edges)), wide=wide)
        listed = ", ".join(f"({', '.join('?' * 22)})" for _ in rows)
        connection.execute("DELETE FROM cells")
        connection.execute(f"INSERT INTO cells VALUES {listed}", [v for row in rows for v in row])
        for name, sql in steps.items():
            connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS {sql}")
        found: list[dict[str, dict[str, Any]]] = [{} for _ in cases]
        for name, sql in last.items():
            result = connection.execute(sql)
            names_of = [c[0] for c in result.description]
            for values in result.fetchall():
                row = dict(zip(names_of, values, strict=True))
                found[row["pair_no"]][name] = clean(FINISH.get(name, dict)(row))
        return found

    yield run
    connection.close()


def truth(x: np.ndarray, y: np.ndarray) -> dict[str, tuple[float | None, float | None]]:
    """statistic -> (value, p); None where SciPy has none."""
    n, m = len(x), len(y)
    both = np.unique(np.r_[x, y])
    gap = np.searchsorted(np.sort(x), both, "right") / n - np.searchsorted(np.sort(y), both, "right") / m
    found: dict[str, tuple[float | None, float | None]] = {"kuiper": (max(gap.max(), 0) - min(gap.min(), 0), None)}
    for name, side in (("mann_whitney", "two-sided"), ("mann_whitney_less", "less")):
        u = stats.mannwhitneyu(x, y, alternative=side)
        found[name] = (float(u.statistic) / n / m, float(u.pvalue))
    if len(both) > 1 and min(n, m) > 1:
        cvm = stats.cramervonmises_2samp(x, y)
        found["cramer_von_mises"] = (float(cvm.statistic), float(cvm.pvalue))
        if n + m > 3:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found["anderson_darling"] = (float(stats.anderson_ksamp([x, y], variant="midrank").statistic), None)
    if np.isfinite(both).all():
        found["energy_distance"] = (float(stats.energy_distance(x, y)), None)
    return found


def holds(rows: dict[str, dict[str, Any]], x: np.ndarray, y: np.ndarray) -> None:
    for name, (value, p) in truth(x, y).items():
        row = rows[name]
        assert value is not None and row["reason_code"] is None, (name, row["reason_code"])
        slack = 1e-9 * max(1.0, abs(value), len(x) + len(y) if name == "cramer_von_mises" else 0)  # SciPy's own digits
        assert row["value_lower"] - slack <= value <= row["value_upper"] + slack, (name, value, row)
        assert row["value_lower"] <= row["value"] <= row["value_upper"]
        if p is None or math.isnan(p):
            continue
        if "p_value" in row:  # a row of ``compare`` tells the largest p that its interval allows
            assert row["p_value"] >= p * (1 - 1e-6), (name, p, row["p_value"])
            continue
        ends = p_ends(
            Summary(
                "all", None, None, "v", "numeric", "feature", name, row["value"], row["value_lower"], row["value_upper"],
                len(x), len(y), row["test_value"], row["test_df"], row["expected"],
            )
        )  # fmt: skip
        assert ends is not None and ends[0] <= ends[1] == ends[2]
        assert ends[0] - 1e-6 <= p <= ends[2] + 1e-6, (name, p, ends)


values = st.one_of(
    st.integers(-3, 3).map(float), st.floats(-5, 5, width=16), st.sampled_from([0.0, 1e6, 1e6 + 0.25, math.inf, -math.inf])
)
sides = st.lists(values, min_size=1, max_size=40)


cases = st.tuples(sides, sides, st.sets(st.integers(-6, 6).map(float), max_size=8), st.booleans())


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(cases, min_size=1, max_size=16))
@example(
    [
        ([0.0] * 9, [0.0] * 4, {0.0}, False),
        ([0.0] * 9 + [1.0], [2.0] * 4, set(), False),
        ([0.0] * 3, [1.0], set(), True),
        ([-1.0, 0.5, 2.5, 3.0], [0.25, 0.5, 0.75], set(), True),
        ([float(v % 7) for v in range(90)], [float(v % 5) for v in range(4)], {2.0, 4.0}, False),
    ]
)
def test_the_truth_is_inside(measure: Measure, some: list[Case]) -> None:
    """Whatever the cells: ties, atoms, infinities, empty cells, one cell for everything, one row."""
    for rows, (x, y, _, _) in zip(measure(some), some, strict=True):
        holds(rows, np.array(x), np.array(y))


def same_means(rows: dict[str, dict[str, Any]], x: np.ndarray, y: np.ndarray) -> None:
    """What comes from sums is exact: no interval."""
    welch, student = stats.ttest_ind(x, y, equal_var=False), stats.ttest_ind(x, y)
    shift = (y.mean() - x.mean()) / np.std(x)
    for name, value, p in (("welch_t", welch.statistic, welch.pvalue), ("student_t", student.statistic, student.pvalue), ("mean_shift", shift, welch.pvalue)):
        row = rows[name]
        assert row["value"] == row["value_lower"] == row["value_upper"] == pytest.approx(value, rel=1e-9), name
        assert row["p_value"] == pytest.approx(p, rel=1e-6), name


@pytest.mark.parametrize("far", [1e6, 1e9])
def test_means_far_from_zero_and_constants(far: float, compared: Callable[..., dict[str, dict[str, Any]]]) -> None:
    rng = np.random.default_rng(2)
    x, y = (far + np.round(rng.normal(d, 1, 900) * 4) / 4 for d in (0.0, 0.3))  # whole quarters: nothing is rounded
    same_means(compared(x, y, statistics=MEANS), x - far, y - far)
    rows = compared([far + 0.1] * 40, [far + 0.2] * 30, statistics=MEANS)
    assert {r["reason_code"] for r in rows.values()} == {"constant_reference"}
    rows = compared([*x, math.inf], y, statistics=MEANS)
    assert {r["reason_code"] for r in rows.values()} == {"infinite_values"}


DRAWS: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "normal": lambda g, n: g.normal(size=n),
    "exponential": lambda g, n: g.exponential(size=n),
    "heavy": lambda g, n: g.standard_t(2, size=n),
    "zeros": lambda g, n: np.where(g.random(n) < 0.6, 0.0, g.exponential(size=n)),
    "whole": lambda g, n: g.poisson(4, n).astype(float),
}
WIDEST = {"mann_whitney": 0.004, "mann_whitney_less": 0.004, "kuiper": 0.006, "energy_distance": 0.12, "cramer_von_mises": 0.15, "anderson_darling": 0.25}
"""Width where the sides differ by 10 %: of the first three in full, of the others relative to the value."""


@pytest.mark.parametrize("name", DRAWS)
def test_the_interval_says_something(name: str, compared: Callable[..., dict[str, dict[str, Any]]]) -> None:
    rng = np.random.default_rng(8)
    x, y = DRAWS[name](rng, 20_000), DRAWS[name](rng, 15_000) * 1.1 + (0.1 if name in ("normal", "heavy") else 0.0)
    rows = compared(x, y, statistics=[*RANKED, *MEANS])
    holds(rows, x, y)
    same_means(rows, x, y)
    for statistic, widest in WIDEST.items():
        row = rows[statistic]
        width = row["value_upper"] - row["value_lower"]
        by = abs(row["value"]) if statistic in ("energy_distance", "cramer_von_mises", "anderson_darling") else 1.0
        assert width <= widest * by, (statistic, width / by)
        if name != "whole":
            assert width > 0 and row["precision"] == "certified"
