"""The SQL of every statistic for every warehouse, as it was last looked at: a change of it is seen in a review.

``make golden`` writes the files anew. Goldens only show that SQL changed; that it is right is shown on real engines.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import sqlglot
from sqlglot import exp

from warehouse_drift.pipeline.metrics import PROFILED
from warehouse_drift.resources import dialect_folders
from warehouse_drift.sql.dialect import load_dialect
from warehouse_drift.sql.environment import identifier
from warehouse_drift.sql.render import render
from warehouse_drift.statistics.registry import BUILT_IN, BY_NAME

HERE = Path(__file__).parent
DIALECTS = sorted(dialect_folders())
RANKED = [s.name for s in BUILT_IN if s.source == "ranks"]
OF_RANKS = "rank_bounds"
"""what all rank statistics are made of, as one statement"""
NAMES = [*(s.name for s in BUILT_IN if s.source != "values"), OF_RANKS]
TABLES = ("columns", "bins", "pearson", "bounds", "sorted", "ranks", "cdf")
PARAMS = {n: identifier(n) for n in TABLES} | {"numeric": [1, 2], "zero": "default", "wanted": RANKED}


def sql_of(statistic: str, dialect: str) -> str:
    if statistic in BY_NAME and BY_NAME[statistic].source in PROFILED:
        template, params = "metrics/statistics", PARAMS | {"names": [statistic]}
    else:
        template, params = f"{'metrics' if statistic == OF_RANKS else 'statistics'}/{statistic}", PARAMS
    return render(template, params, load_dialect(dialect)).sql.strip() + "\n"


@pytest.mark.parametrize("dialect", DIALECTS)
def test_sql_is_as_it_was(dialect: str) -> None:
    changed = []
    for statistic in NAMES:
        path = HERE / statistic / f"{dialect}.sql"
        sql = sql_of(statistic, dialect)
        if os.environ.get("WRITE_GOLDEN"):
            path.parent.mkdir(exist_ok=True)
            path.write_text(sql, encoding="utf-8")
        if not path.is_file() or path.read_text(encoding="utf-8") != sql:
            changed.append(statistic)
    assert not changed, f"SQL for {dialect} changed: {', '.join(changed)}. If it is meant: make golden, and look at the diff."


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_dialect_reads_it_back(dialect: str) -> None:
    grammar = load_dialect(dialect).sqlglot_name
    for statistic in NAMES:
        tree = sqlglot.parse_one((HERE / statistic / f"{dialect}.sql").read_text(encoding="utf-8"), read=grammar)
        assert isinstance(tree, exp.Query), statistic
        assert not list(tree.find_all(exp.Anonymous)), (statistic, [a.name for a in tree.find_all(exp.Anonymous)])


@pytest.mark.parametrize("statistic", NAMES)
def test_trino_reads_it_with_its_own_grammar(statistic: str) -> None:
    validator = pytest.importorskip("trino_sql_validator")
    found = validator.validate((HERE / statistic / "trino.sql").read_text(encoding="utf-8"), jinja="reject")
    assert found.valid, found.errors
    assert not [w for w in found.warnings if "ambiguous" not in str(w)]


def test_no_file_is_left_over() -> None:
    there = {f"{p.parent.name}/{p.stem}" for p in HERE.glob("*/*.sql")}
    assert there == {f"{s}/{d}" for s in NAMES for d in DIALECTS}
