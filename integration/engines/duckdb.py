"""DuckDB, embedded: a file in a temporary folder."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import duckdb

from integration.engines import Engine, Tables, kind_of, quoted

TYPES = {"timestamp": "TIMESTAMP", "boolean": "BOOLEAN", "bigint": "BIGINT", "text": "VARCHAR", "double": "DOUBLE"}


def start() -> Engine:
    folder = Path(tempfile.mkdtemp(prefix="wd_duckdb_"))
    path = folder / "x.duckdb"

    def load(tables: Tables) -> None:
        with duckdb.connect(str(path)) as connection:
            for name, columns in tables.items():
                listed = ", ".join(
                    f"CAST(UNNEST(${i + 1}) AS {TYPES[kind_of(v)]}) AS {quoted(c)}"
                    for i, (c, v) in enumerate(columns.items())
                )
                connection.execute(
                    f'CREATE OR REPLACE TABLE "{name}" AS SELECT {listed}', [list(v) for v in columns.values()]
                )

    return Engine(
        "duckdb", "duckdb", f"DuckDB {duckdb.__version__}", f"duckdb:///{path}", load, lambda: shutil.rmtree(folder)
    )
