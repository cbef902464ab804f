"""Doubles near the end of their range: sums and differences leave it, which some engines answer with an error."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from integration.engines import Engine
from warehouse_drift import api


@pytest.mark.parametrize("huge", [pytest.param(n, marks=pytest.mark.xdist_group(n)) for n in ("duckdb", "postgres")])
@pytest.mark.parametrize("largest", [9.5e307, 1.7976931348623157e308])
def test_every_statistic_has_a_value_or_a_reason(huge: str, largest: float, engines: Callable[[str], Engine]) -> None:
    engine = engines(huge)
    plain = [float(i) for i in range(300)]
    beyond = [*plain[:290], *[largest] * 5, *[-largest] * 5]
    engine.load({"huge_r": {"x": plain, "y": plain}, "huge_c": {"x": beyond, "y": plain}})
    for reference, precision in (("huge_r", "certified"), ("huge_r", "exact"), ("huge_c", "certified")):
        found = api.compare(engine.url, reference, "huge_c", precision=precision, connect_args=engine.connect_args).rows
        rows = {r["statistic"]: r for r in found if r["column_name"] == "x"}
        assert all(r["value"] is not None or r["reason_code"] for r in found)
        if reference == "huge_r":
            assert rows["ks"]["value_lower"] - 1e-12 <= 5 / 300 <= rows["ks"]["value_upper"] + 1e-12
            assert rows["wasserstein"]["value"] is not None or rows["wasserstein"]["reason_code"] == "infinite_values"
            assert rows["psi"]["value"] > 0
