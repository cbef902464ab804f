"""How large a stored profile is against its source, at several bucket sizes; by running a real monitor.

Promise: at most 10 % of the source's (rows x columns) at 10,000 rows a bucket, 1 % at 1,000,000.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import duckdb
from data import NUMERIC, make

from warehouse_drift.verbs_run import run

DAYS = 6
CONFIG = """version: 1
project: bench
warehouse: {{url: "duckdb:///{path}"}}
monitors:
  - name: numbers
    relation: source
    timestamp: at
    columns: [{columns}]
    baseline: {{from: 2025-01-01, to: 2025-01-06}}
    comparisons: [{{name: daily, window: day, against: baseline}}]
"""


def measured(folder: Path, rows: int) -> str:
    path = folder / f"p{rows}.duckdb"
    make(path, rows * DAYS, tables=("reference",))
    with duckdb.connect(str(path)) as c:
        c.execute(
            f"CREATE TABLE source AS SELECT {', '.join(NUMERIC)}, TIMESTAMP '2025-01-01' + INTERVAL (ROW_NUMBER() OVER () * 86400 // {rows + 1}) SECOND AS at FROM reference"
        )
        c.execute("DROP TABLE reference")
    (folder / "drift.yml").write_text(CONFIG.format(path=path, columns=", ".join(NUMERIC)), encoding="utf-8")
    run(folder / "drift.yml")
    stored, source = folder / f"cells{rows}.duckdb", folder / f"source{rows}.duckdb"
    with duckdb.connect(str(path)) as c:
        cells, buckets = c.execute("SELECT COUNT(*), COUNT(DISTINCT bucket_start) FROM drift.wd_cells").fetchall()[0]
        most = c.execute(
            "SELECT MAX(n) FROM (SELECT COUNT(*) AS n FROM drift.wd_cells GROUP BY bucket_start, column_name)"
        ).fetchall()[0][0]
        for file, table in ((stored, "drift.wd_cells"), (source, "source")):
            c.execute(f"ATTACH '{file}' AS other")
            c.execute(f"CREATE TABLE other.kept AS SELECT * FROM {table}")
            c.execute("DETACH other")
    values = rows * buckets * len(NUMERIC)
    bytes_stored, bytes_source = stored.stat().st_size, source.stat().st_size
    return (
        f"{rows:>9,} rows a bucket: {cells:>9,} cells for {values:>11,} values ({cells / values:7.2%}), at most {most:,} a (bucket, column); "
        f"{bytes_stored / 2**20:7.1f} of {bytes_source / 2**20:7.1f} MiB ({bytes_stored / bytes_source:7.1%})"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--largest", type=int, default=1_000_000, help="rows a bucket of the largest table")
    options = parser.parse_args()
    print(f"{DAYS} daily buckets, {len(NUMERIC)} numeric columns, DuckDB {duckdb.__version__}")
    for rows in (1_000, 10_000, 100_000, 1_000_000):
        if rows <= options.largest:
            with tempfile.TemporaryDirectory() as folder:
                print(measured(Path(folder), rows), flush=True)


if __name__ == "__main__":
    main()
