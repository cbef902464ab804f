"""Wasserstein-1 over the reference's standard deviation, with and without Evidently's floor of 0.001."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import stats

Compared = Callable[..., dict[str, dict[str, Any]]]
BOTH = ["wasserstein_normed", "wasserstein_normed_floored"]


@pytest.mark.parametrize("spread, floored", [(2.0, 2.0), (1e-5, 0.001)])
def test_against_scipy(spread: float, floored: float, compared: Compared) -> None:
    rng = np.random.default_rng(3)
    x, y = rng.normal(0, spread, 400), rng.normal(0.5, spread, 300)
    rows = compared(x, y, statistics=BOTH, precision="exact")
    distance, deviation = stats.wasserstein_distance(x, y), float(np.std(x))
    assert rows["wasserstein_normed"]["value"] == pytest.approx(distance / deviation, rel=1e-9)
    divisor = deviation if floored > 0.001 else 0.001
    assert rows["wasserstein_normed_floored"]["value"] == pytest.approx(distance / divisor, rel=1e-9)


def test_a_constant_reference(compared: Compared) -> None:
    rows = compared(np.full(50, 5.0), np.full(40, 6.0), statistics=BOTH, precision="exact")
    assert rows["wasserstein_normed"]["value"] is None
    assert rows["wasserstein_normed"]["reason_code"] == "constant_reference"
    assert rows["wasserstein_normed_floored"]["value"] == pytest.approx(1000.0, rel=1e-9)
