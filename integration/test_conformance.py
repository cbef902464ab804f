"""The same numbers on every engine: equal to SciPy's on the raw rows, and to the embedded engine's."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from integration.cases import data, truth
from integration.engines import Engine, allowed
from warehouse_drift.sql.dialect import load_dialect

Rows = dict[tuple[str, str], dict[str, Any]]
Answers = Callable[[str, str, str], Rows]
SAME = ("value", "value_lower", "value_upper", "p_value", "n_reference", "n_current", "decision", "reason_code")


def close(a: Any, b: Any, rel: float = 1e-9) -> bool:
    if not isinstance(a, float) or not isinstance(b, (int, float)):
        return bool(a == b)
    return math.isclose(a, b, rel_tol=rel, abs_tol=1e-9)


def test_against_scipy(engine_name: str, case_name: str, precision: str, answers: Answers) -> None:
    """Exact values equal the truth; certified intervals hold it; both sides' sizes are counted exactly."""
    rows = answers(engine_name, case_name, precision)
    reference, current = data(case_name)
    wrong, checked = [], 0
    for column in allowed(engine_name, reference):
        for statistic, right in truth(reference[column], current[column]).items():
            row = rows[column, statistic]
            checked += 1
            slack = 1e-9 * max(1.0, abs(right.value))
            if row["value"] is None:
                wrong.append(f"{column}.{statistic}: no value ({row['reason_code']}), should be {right.value}")
            elif not row["value_lower"] - slack <= right.value <= row["value_upper"] + slack:
                wrong.append(
                    f"{column}.{statistic}: {right.value} is outside {row['value_lower']}..{row['value_upper']}"
                )
            elif precision == "exact" and not math.isclose(row["value"], right.value, rel_tol=1e-9, abs_tol=slack):
                wrong.append(f"{column}.{statistic}: {row['value']}, should be {right.value}")
            elif (
                precision == "exact"
                and right.p_value is not None
                and not math.isclose(row["p_value"], right.p_value, rel_tol=1e-6, abs_tol=1e-300)
            ):
                wrong.append(f"{column}.{statistic}: p {row['p_value']}, should be {right.p_value}")
    assert not wrong, "\n".join(wrong)
    assert checked or case_name in ("many_values", "empty")


def test_same_as_the_embedded_engine(engine_name: str, case_name: str, precision: str, answers: Answers) -> None:
    """Every statistic, its interval, evidence, decision and reason."""
    rows = answers(engine_name, case_name, precision)
    known = allowed(engine_name, data(case_name)[0])
    expected = {key: row for key, row in answers("duckdb", case_name, precision).items() if key[0] in (*known, ":table")}
    assert rows.keys() == expected.keys()
    wrong = [
        f"{key[0]}.{key[1]}.{field}: {rows[key][field]}, should be {expected[key][field]}"
        for key in expected
        for field in SAME
        if not close(rows[key][field], expected[key][field])
    ]
    assert not wrong, "\n".join(wrong[:30])


def test_the_dialect_says_what_it_was_verified_on(engine: Engine) -> None:
    """The same engine in the same major version: a patch release that a fresh machine installs is no news."""

    def major(text: str) -> str:
        return text.split(" (")[0].split(".")[0]

    assert major(load_dialect(engine.dialect).verified) == major(engine.version)
