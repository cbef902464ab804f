"""Seconds and rows of a run with one new daily bucket, after 30, 100, 300 and 1,000 days of history.

    python integration/benchmarks/incremental.py --rows 2000 --days 30 100 300 1000
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import duckdb

from warehouse_drift import verbs_run

CONFIG = """version: 1
project: bench
warehouse: {{url: "duckdb:///{path}"}}
monitors:
  - name: m
    relation: events
    timestamp: {{column: seen_at, late: {late}}}
    columns: [{columns}]
    baseline: {{from: 2020-01-01, to: 2020-01-31}}
    comparisons: [{{name: daily, window: day, against: baseline}}]
"""
NUMERIC = 8


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=2_000, help="rows a day")
    parser.add_argument("--days", type=int, nargs="+", default=[30, 100, 300])
    parser.add_argument("--late", type=int, default=0)
    options = parser.parse_args()
    names = [f"x{i}" for i in range(NUMERIC)]
    print(f"{options.rows:,} rows a day, {NUMERIC} numeric columns and 1 categorical, DuckDB {duckdb.__version__}")
    for days in options.days:
        with tempfile.TemporaryDirectory() as folder:
            path, config = Path(folder) / "x.duckdb", Path(folder) / "drift.yml"
            listed = ", ".join([*names, "k"])
            config.write_text(CONFIG.format(path=path, late=options.late, columns=listed), encoding="utf-8")
            values = ", ".join(f"CAST(hash(d * 100003 + i * 17 + {n}) % 100000 AS DOUBLE) / 1000 AS {x}" for n, x in enumerate(names))
            select = (
                f"SELECT TIMESTAMP '2020-01-01' + INTERVAL (d) DAY + INTERVAL (i) SECOND AS seen_at, {values},"
                " ['a', 'b', 'c', 'd'][1 + (hash(d + i * 7) % 4)::INT] AS k FROM range({first}, {last}) AS a(d), "
                f"range({options.rows}) AS b(i)"
            )
            with duckdb.connect(str(path)) as c:
                c.execute(f"CREATE TABLE events AS {select.format(first=0, last=31 + days)}")
            end = duckdb.execute(f"SELECT DATE '2020-01-01' + {30 + days}").fetchone()
            assert end is not None
            verbs_run.backfill(str(config), "2020-01-31", str(end[0]))
            with duckdb.connect(str(path)) as c:
                c.execute(f"INSERT INTO events {select.format(first=31 + days, last=32 + days)}")
            started = time.perf_counter()
            done = verbs_run.run(str(config))
            seconds = time.perf_counter() - started
            (m,) = done.monitors
            print(
                f"{days:5d} days of history: {seconds:6.2f} s, {done.statements} statements, {m.rows_scanned:,} rows scanned,"
                f" {m.units} units, {len(m.windows)} window(s), {m.failed or 'ok'}"
            )


if __name__ == "__main__":
    main()
