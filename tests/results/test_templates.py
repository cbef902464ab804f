"""The templates of results and views: house subset, and text that PostgreSQL's grammar reads back."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import pytest
import sqlglot
from markupsafe import Markup

from warehouse_drift.resources import template_names
from warehouse_drift.results.place import change
from warehouse_drift.results.tables import WHOLE_BASELINE
from warehouse_drift.sql.dialect import load_dialect
from warehouse_drift.sql.portable import violations
from warehouse_drift.sql.render import header, render

M = Markup
ALL: dict[str, Any] = {
    "s": M("drift."), "whole_baseline": WHOLE_BASELINE, "project": "p", "monitor": "m", "comparison": "d", "baseline_version": "b", "run_id": "r",
    "start": datetime(2025, 1, 1), "end": datetime(2025, 2, 1), "since": datetime(2025, 1, 1), "before": datetime(2025, 1, 1), "column_name": "c",
    "columns": ["c"], "grid_ids": ["g"], "segment_keys": ["", "x"], "schema_name": "drift", "views": ["drift_history"], "table_name": "wd_units", "table": M("wd_units"),
    "view": M("wd_v_units"), "records": M("wd_units"), "keys": [M("project"), M("column_name")], "column": M("bucket_start"), "baselines": True, "count": True,
    "inside": (datetime(2025, 1, 1), datetime(2025, 2, 1)), "config_hash": "h", "structs": False,
    "monitors": ["m", "n"], "told": ["i"], "incidents": ["i", "j"], "segment": "all", "most": 3,
    "segments": ["all", "k=a"], "newest": 2, "threads": True, "basis": "x", "ours": ["m"], "pairs": [{"project": "p", "monitor": "m"}],
}  # fmt: skip
NAMES = [n for n in template_names() if n.startswith(("results/", "views/", "alerts/"))]


@pytest.mark.parametrize("name", [n for n in NAMES if n != "results/insert"])
def test_both_dialects(name: str) -> None:
    canonical = render(name, ALL, load_dialect("duckdb")).sql
    assert violations(sqlglot.parse_one(canonical, read="duckdb")) == []
    translated = render(name, ALL, load_dialect("postgres")).sql
    assert sqlglot.parse_one(translated, read="postgres").find(sqlglot.exp.Select) is not None
    assert not {"EPOCH(", "ISNAN(", "LOG2("} & set(re.findall(r"\w+\(", translated.upper()))


@pytest.mark.parametrize("name", ["results/unseen", "results/expired", "results/old_alerts", "results/heartbeats"])
@pytest.mark.parametrize("dialect", ["duckdb", "postgres"])
def test_deletes(name: str, dialect: str) -> None:
    sql = change(name, {**ALL, "count": False}, load_dialect(dialect))
    assert isinstance(sqlglot.parse_one(sql, read=dialect), sqlglot.exp.Delete)


@pytest.mark.parametrize("name", NAMES)
def test_headers(name: str) -> None:
    assert set(header(name)) >= {"purpose", "inputs", "output", "grain", "exact"}
