"""Fixtures: DuckDB files made from plain arrays."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import settings

from warehouse_drift import api

settings.register_profile("landing", derandomize=True)
if os.environ.get("CI"):  # the same examples every time; new ones are looked for at a developer's desk
    settings.load_profile("landing")


def write_database(path: Path, **tables: dict[str, Any]) -> str:
    """A DuckDB file with one table a keyword; NaN stays NaN, None becomes NULL."""
    connection = duckdb.connect(str(path))
    for name, columns in tables.items():
        values = [[None if x is None else (x.item() if hasattr(x, "item") else x) for x in v] for v in columns.values()]
        types = [_type(v) for v in values]
        listed = ", ".join(
            f'CAST(UNNEST(${i + 1}) AS {kind}) AS "{c}"'
            for i, (kind, c) in enumerate(zip(types, (n.replace('"', '""') for n in columns), strict=True))
        )
        connection.execute(f'CREATE TABLE "{name}" AS SELECT {listed}', values)
    connection.close()
    return f"duckdb:///{path}"


def _type(values: list[Any]) -> str:
    known = next((v for v in values if v is not None), 0.0)
    return {bool: "BOOLEAN", int: "BIGINT", str: "VARCHAR"}.get(type(known), "DOUBLE")


@pytest.fixture
def database(tmp_path: Path) -> Callable[..., str]:
    """database(r={column: values}, c={...}) -> URL of a new DuckDB file."""
    return lambda **tables: write_database(tmp_path / "x.duckdb", **tables)


@pytest.fixture
def compared(tmp_path: Path) -> Callable[..., dict[str, dict[str, Any]]]:
    """compared(reference, current, **options) -> statistic -> row, for one column of plain values."""

    def run(reference: Any, current: Any, **options: Any) -> dict[str, dict[str, Any]]:
        url = write_database(tmp_path / f"{len(list(tmp_path.iterdir()))}.duckdb", r={"v": reference}, c={"v": current})
        result = api.compare(url, "r", "c", **options)
        return {row["statistic"]: row for row in result.rows}

    return run
