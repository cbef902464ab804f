"""Statistics on request, named bins and library presets: the same rows on every engine as on the embedded one."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from integration.cases import data
from integration.engines import Engine
from warehouse_drift import api
from warehouse_drift.grid.edges import Binning
from warehouse_drift.statistics.registry import BUILT_IN

ASKED = [s.name for s in BUILT_IN if s.asked]
OPTIONS: dict[str, dict[str, Any]] = {
    "every_statistic": {"statistics": ASKED},
    "sturges": {"statistics": ["psi", "kl_divergence", "hellinger"], "binning": Binning("sturges"), "zero_shares": "evidently"},
    "doane_with_nulls": {"statistics": ["psi", "g_test"], "binning": Binning("doane", missing=True), "zero_shares": "laplace"},
    "deciles": {"statistics": ["psi", "jensen_shannon"], "binning": Binning("quantile_exact"), "zero_shares": "none"},
    "evidently": {"preset": "evidently"},
    "databricks": {"preset": "databricks"},
}  # fmt: skip
SAME = ("value", "p_value", "n_reference", "n_current", "decision", "reason_code", "binning")


Rows = dict[tuple[str, str], dict[str, Any]]


@pytest.fixture(scope="session")
def measured(engines: Callable[[str], Engine]) -> Callable[[str, str, str], Rows]:
    """measured(engine, case, option): (column, statistic) -> row, computed once."""

    @cache
    def loaded(name: str, case: str) -> Engine:
        engine = engines(name)
        reference, current = data(case)
        engine.load({f"asked_{case}_ref": reference, f"asked_{case}_cur": current})
        return engine

    @cache
    def measure(name: str, case: str, option: str) -> Rows:
        engine = loaded(name, case)
        result = api.compare(
            engine.url,
            f"{engine.place}asked_{case}_ref",
            f"{engine.place}asked_{case}_cur",
            connect_args=engine.connect_args,
            **OPTIONS[option],
        )
        return {(r["column_name"], r["statistic"]): r for r in result.rows}

    return measure


def close(name: str, field: str, a: Any, b: Any) -> bool:
    if not isinstance(a, float) or not isinstance(b, (int, float)):
        return bool(a == b)
    rough = name == "epps_singleton" or (field == "p_value" and max(a, b) < 1e-9)  # last digits of nearly nothing
    return math.isclose(a, b, rel_tol=1e-3 if rough else 1e-8, abs_tol=1e-9)


@pytest.mark.parametrize("case_name", ["parity", "hard"])
@pytest.mark.parametrize("option", OPTIONS)
def test_same_as_the_embedded_engine(
    engine_name: str, case_name: str, option: str, measured: Callable[[str, str, str], Rows]
) -> None:
    rows, expected = measured(engine_name, case_name, option), measured("duckdb", case_name, option)
    assert rows.keys() == expected.keys() and len(rows) > 10
    wrong = [
        f"{key[0]}.{key[1]}.{field}: {rows[key][field]}, should be {expected[key][field]}"
        for key in expected
        for field in SAME
        if not close(key[1], field, rows[key][field], expected[key][field])
    ]
    assert not wrong, "\n".join(wrong[:30])
