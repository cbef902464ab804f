"""Names where quoted ones that differ in case are different columns and tables: PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from integration.cases import columns_of, days
from integration.engines import Engine
from warehouse_drift import api, verbs_check, verbs_run
from warehouse_drift.errors import DriftError
from warehouse_drift.warehouse.connect import open_warehouse

pytestmark = pytest.mark.xdist_group("postgres")
THEN = {"ts": "TS", "x": "AMOUNT", "k": "k", "c": "C", "seg": "Seg"}
NOW = {"ts": "Ts", "x": "Amount", "k": "K", "c": "c", "seg": "SEG"}


@pytest.fixture(scope="module")
def engine(engines: Callable[[str], Engine]) -> Engine:
    found = engines("postgres")
    for table, called, rows in (("Before", THEN, days(0, 6)), ("After", NOW, days(6, 8, shift=1.0))):
        found.load({table: {called[n]: v for n, v in columns_of(rows).items()}})
    found.load({"twice": {"Amount": [1.0], "AMOUNT": [2.0], "x" * 63: [1.0]}})
    return found


def written(engine: Engine, folder: Path) -> str:
    monitor = {
        "name": "m", "relation": '"After"', "timestamp": {"column": "ts", "late": 0}, "columns": ["amount", "k", "C"], "segments": ["seg"],
        "baseline": {"relation": '"Before"', "from": "2025-03-03", "to": "2025-03-09"},
    }  # fmt: skip
    root = {"version": 1, "project": "p", "warehouse": {"url": engine.url, "result_schema": "res_names"}, "monitors": [monitor]}
    (folder / "drift.yml").write_text(json.dumps(root), encoding="utf-8")
    return str(folder / "drift.yml")


def test_both_sides_of_a_comparison(engine: Engine) -> None:
    rows = api.compare(engine.url, '"Before"', '"After"', columns=["k", "SEG"], statistics=["ks", "total_variation"]).rows
    assert {r["column_name"] for r in rows} == {"k", "Seg"} and all(r["value"] is not None for r in rows)


def test_a_baseline_that_spells_its_columns_otherwise(engine: Engine, tmp_path: Path) -> None:
    """The monitor's relation gives the names; a column that vanishes keeps its own, whatever the configuration writes."""
    path = written(engine, tmp_path)
    assert verbs_check.check(path).problems == ()
    done = verbs_run.run(path)
    assert not done.failed, [str(m.failed) for m in done.failed]
    sql = "SELECT column_name, statistic, segment, n_reference, n_current, reason_code FROM res_names.drift_history"
    with open_warehouse(engine.url) as warehouse:
        shown = warehouse.fetch(sql, name="history")
        engine.load({"After": {NOW[n]: v for n, v in columns_of(days(6, 9)).items() if n != "x"}})
        assert not verbs_run.run(path).failed
        gone = warehouse.fetch(f"{sql} WHERE reason_code = 'column_missing'", name="history")
    assert {r["column_name"] for r in shown} == {":table", "Amount", "K", "c"}
    assert {r["segment"] for r in shown} == {"all", "SEG=a", "SEG=b", "SEG=<null>"}
    sizes = {(r["n_reference"], r["n_current"]) for r in shown if (r["column_name"], r["statistic"], r["segment"]) == ("Amount", "psi", "all")}
    first, second = ([r["x"] for r in days(a, b, shift=s) if r["x"] is not None] for a, b, s in ((0, 6, 0.0), (6, 7, 1.0)))
    assert (len(first), len(second)) in sizes
    assert {r["column_name"] for r in gone} == {"Amount"}


@pytest.mark.parametrize(
    ("relation", "column", "said"),
    [
        ("twice", "amount", "The column 'amount' may be 'Amount' or 'AMOUNT'"),
        ("twice", "x" * 70, f"write {'x' * 63!r}"),
        ("Before", "k", 'Did you mean public."Before"?'),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_said(engine: Engine, relation: str, column: str, said: str) -> None:
    with pytest.raises(DriftError) as error:
        api.compare(engine.url, relation, relation, columns=[column])
    assert said in f"{error.value.message} {error.value.hint}"
