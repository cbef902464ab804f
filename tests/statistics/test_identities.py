"""What must hold whatever the data: zero on itself, symmetry, ranges, shifts, the order of rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from warehouse_drift.grid.edges import Binning
from warehouse_drift.statistics.registry import BY_NAME

Compared = Callable[..., dict[str, dict[str, Any]]]
RELAXED = {"deadline": None, "suppress_health_check": [HealthCheck.function_scoped_fixture]}
DISTANCES = (
    "psi", "kl_divergence", "jensen_shannon", "jensen_shannon_e", "jensen_shannon_divergence", "hellinger",
    "total_variation", "l_infinity", "ks", "wasserstein", "energy_distance", "kuiper",
)  # fmt: skip
SYMMETRIC = tuple(d for d in DISTANCES if d != "kl_divergence")
AT_MOST_ONE = (
    "jensen_shannon",
    "jensen_shannon_divergence",
    "hellinger",
    "total_variation",
    "l_infinity",
    "ks",
    "cramers_v",
)
numbers = st.lists(
    st.one_of(st.integers(-3, 3).map(float), st.floats(-1e6, 1e6, width=32), st.just(0.0), st.none()), min_size=4, max_size=60
)  # fmt: skip
words = st.lists(st.sampled_from(["a", "b", "c", "d e", "", "'"]), min_size=2, max_size=80)


def values(rows: dict[str, dict[str, Any]]) -> dict[str, float]:
    return {s: r["value"] for s, r in rows.items() if r["value"] is not None}


def usable(side: list[float | None]) -> bool:
    return len({v for v in side if v is not None}) > 1


@pytest.mark.slow
@settings(max_examples=25, **RELAXED)
@given(numbers, numbers)
def test_numbers(compared: Compared, x: list[float | None], y: list[float | None]) -> None:
    if not usable(x) or not usable(y):
        return
    itself = values(compared(x, x, statistics=DISTANCES))
    assert set(itself) == set(DISTANCES)
    assert all(abs(v) <= 1e-12 for v in itself.values())
    bins = Binning("custom", edges={"v": (-1.0, 0.0, 1.0)})
    ahead = compared(x, y, statistics=DISTANCES, binning=bins, precision="exact")
    back = compared(y, x, statistics=DISTANCES, binning=bins, precision="exact")
    for name in SYMMETRIC:
        assert ahead[name]["value"] == pytest.approx(back[name]["value"], rel=1e-9, abs=1e-9), name
    for row in ahead.values():
        assert row["value"] >= 0
        assert row["statistic"] not in AT_MOST_ONE or row["value"] <= 1 + 1e-12
        assert row["p_value"] is None or 0 <= row["p_value"] <= 1
    assert ahead["ks"]["value"] <= ahead["kuiper"]["value"] + 1e-12


@pytest.mark.slow
@settings(max_examples=20, **RELAXED)
@given(numbers, numbers, st.integers(-50, 50))
def test_shifts_and_the_order_of_rows(
    compared: Compared, x: list[float | None], y: list[float | None], by: int
) -> None:
    if not usable(x) or not usable(y):
        return
    names = ("ks", "wasserstein", "wasserstein_normed", "energy_distance", "mann_whitney", "mean_shift", "welch_t")
    first = compared(x, y, statistics=names, precision="exact")
    moved = compared(*([None if v is None else v + by for v in s] for s in (x, y)), statistics=names, precision="exact")
    rng = np.random.default_rng(1)
    mixed = compared(*([s[i] for i in rng.permutation(len(s))] for s in (x, y)), statistics=names, precision="exact")
    size = max(abs(v) for s in (x, y) for v in s if v is not None) + abs(by)
    for name in ("wasserstein", "energy_distance"):
        assert moved[name]["value"] == pytest.approx(first[name]["value"], rel=1e-6, abs=1e-9 * max(size, 1.0)), name
    for name in names:
        a, b = first[name]["value"], mixed[name]["value"]
        assert (a is None) == (b is None)
        if a is not None:
            assert a == pytest.approx(b, rel=1e-9, abs=1e-9), name


@pytest.mark.slow
@settings(max_examples=25, **RELAXED)
@given(words, words)
def test_words(compared: Compared, x: list[str], y: list[str]) -> None:
    binned = [s for s in DISTANCES if BY_NAME[s].source == "bins"] + ["unseen_rate", "vanished_rate", "cramers_v"]
    itself = values(compared(x, x, statistics=binned))
    assert all(abs(v) <= 1e-12 for v in itself.values())
    ahead, back = compared(x, y, statistics=binned), compared(y, x, statistics=binned)
    for name in set(SYMMETRIC) & set(ahead):
        assert ahead[name]["value"] == pytest.approx(back[name]["value"], rel=1e-9, abs=1e-12), name
    # what is new one way is gone the other way
    gone = sum(v not in set(y) for v in x) / len(x)
    assert ahead["vanished_rate"]["value"] == pytest.approx(gone)
    assert back["unseen_rate"]["value"] == pytest.approx(gone)
    for name in set(AT_MOST_ONE) & set(ahead):
        assert ahead[name]["value"] is None or ahead[name]["value"] <= 1 + 1e-12
