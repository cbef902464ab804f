"""The templates of reports: house subset, and text that PostgreSQL's grammar reads back."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
import sqlglot
from markupsafe import Markup

from warehouse_drift.resources import template_names
from warehouse_drift.sql.dialect import load_dialect
from warehouse_drift.sql.portable import violations
from warehouse_drift.sql.render import header, render

PARAMS: dict[str, Any] = {
    "s": Markup("drift."), "project": "p'", "monitor": "m", "monitors": ["m", "it's"], "comparison": "d", "baseline_version": "b",
    "columns": ["a", 'b"'], "column_name": "c", "statistic": "psi", "segment": "all", "start": datetime(2025, 1, 1), "judged": True,
    "segments": False, "named": 20, "most": 100,
}  # fmt: skip


@pytest.mark.parametrize("name", [n for n in template_names() if n.startswith("reports/")])
def test_both_dialects(name: str) -> None:
    assert set(header(name)) >= {"purpose", "inputs", "output", "grain", "exact"}
    canonical = render(name, PARAMS, load_dialect("duckdb")).sql
    assert violations(sqlglot.parse_one(canonical, read="duckdb")) == []
    translated = sqlglot.parse_one(render(name, PARAMS, load_dialect("postgres")).sql, read="postgres")
    assert translated.find(sqlglot.exp.Select) is not None and translated.args.get("limit") is not None
