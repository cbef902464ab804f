"""The house rules that a reader cannot see from one file."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from warehouse_drift.resources import dialect_folders, root
from warehouse_drift.sql.dialect import load_dialect
from warehouse_drift.statistics.registry import BUILT_IN

ROOT = root()
MODULES = sorted((ROOT / "warehouse_drift").rglob("*.py"))
NUMBERS = [p.read_text() for p in (ROOT / "tests").rglob("test_*.py") if p.parent.name not in ("architecture", "docs")]
NAMES = "duckdb|postgres|postgresql|snowflake|bigquery|databricks|spark|trino|redshift|clickhouse"


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_module(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= 400
    assert not re.search(rf"""(==|in|!=)\s*[\[({{]?["']({NAMES})["']""", text)


@pytest.mark.parametrize("name", [s.name for s in BUILT_IN])
def test_a_statistic_is_one_name_in_its_places(name: str) -> None:
    assert (ROOT / "sql_templates" / "statistics" / f"{name}.sql.j2").is_file()
    page = (ROOT / "docs" / "statistics" / f"{name}.md").read_text()
    assert name in page and "Exactness" in page and "NULL" in page
    assert any(f'"{name}"' in text for text in NUMBERS), "no test names it"


def test_nothing_calls_itself_a_statistic_without_a_line_in_the_registry() -> None:
    known = {s.name for s in BUILT_IN}
    assert {p.name.removesuffix(".sql.j2") for p in (ROOT / "sql_templates" / "statistics").iterdir()} == known
    assert {p.stem for p in (ROOT / "docs" / "statistics").glob("*.md")} == known


def test_dialects_are_data_only() -> None:
    assert not list((ROOT / "dialects").rglob("*.py"))
    for name in dialect_folders():
        assert load_dialect(name).verified
