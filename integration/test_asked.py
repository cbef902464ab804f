"""Statistics on request, named bins and library presets: the same rows on every engine as on the embedded one."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest

from integration.cases import data
from integration.engines import Engine
from warehouse_drift import api
from warehouse_drift.grid.edges import Binning
from warehouse_drift.pipeline.library import Chunks
from warehouse_drift.statistics.registry import BUILT_IN

ASKED = [s.name for s in BUILT_IN if s.asked]
SORTED = [s.name for s in BUILT_IN if s.source in ("ranks", "moments")]
OPTIONS: dict[str, dict[str, Any]] = {
    "every_statistic": {"statistics": ASKED},
    "every_statistic_exact": {"statistics": SORTED, "precision": "exact"},
    "sturges": {"statistics": ["psi", "kl_divergence", "hellinger"], "binning": Binning("sturges"), "zero_shares": "evidently"},
    "doane_with_nulls": {"statistics": ["psi", "g_test"], "binning": Binning("doane", missing=True), "zero_shares": "laplace"},
    "deciles": {"statistics": ["psi", "jensen_shannon"], "binning": Binning("quantile_exact"), "zero_shares": "none"},
    "evidently": {"preset": "evidently"},
    "databricks": {"preset": "databricks"},
}  # fmt: skip
SAME = ("value", "value_lower", "value_upper", "precision", "p_value", "n_reference", "n_current", "decision", "reason_code", "binning")


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


def model_data(seed: int, worse: float) -> dict[str, list[Any]]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=1200)
    score = np.round(1 / (1 + np.exp(-1.5 * x - worse * rng.normal(size=1200))), 3)
    label = rng.random(1200) < 1 / (1 + np.exp(-1.2 * x))
    city = [None if gap else "a" if v > 0 else "b" for gap, v in zip(rng.random(1200) < 0.1, x, strict=True)]
    said, came = ([int(v) for v in some] for some in (score > 0.5, label))
    return {"row_no": list(range(1200)), "x": x.tolist(), "score": score.tolist(), "said": said, "label": came, "city": city}


def test_a_model_performs_the_same_as_on_the_embedded_engine(
    engine_name: str, engines: Callable[[str], Engine]
) -> None:
    """Realised and estimated performance in chunks, and columns judged together."""
    found = []
    for name in ("duckdb", engine_name):
        engine = engines(name)
        engine.load({"model_ref": model_data(1, 0.0), "model_cur": model_data(2, 1.5)})
        result = api.compare(
            engine.url,
            f"{engine.place}model_ref",
            f"{engine.place}model_cur",
            connect_args=engine.connect_args,
            columns=["x", "score", "city"],
            preset="nannyml",
            chunks=Chunks("row_no", 400),
            model=api.Model("label", "said", "score"),
            together=True,
        )
        rows = (*result.reference_rows, *result.rows)
        found.append({(r["column_name"], r["statistic"], r["period"], r["chunk"]): r for r in rows if r["role"] != "feature"})
    expected, rows_here = found
    assert rows_here.keys() == expected.keys() and len(expected) == 6 * 15
    for key, row in expected.items():
        for field in ("value", "sampling_error", "band_lower", "alert_threshold", "decision"):
            assert close("", field, rows_here[key][field], row[field]), (key, field, rows_here[key][field], row[field])
