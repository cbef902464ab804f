"""Compare on DuckDB against the plain-aggregate limit and against a full sort, in one run.

20 numeric columns (normal, log-normal, zero-inflated, integers, Pareto), without drift and with a little. Prints
seconds, ratios and rows fetched; the figures of one run are kept in docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import duckdb

from warehouse_drift import api

SHAPES = (
    "SQRT(-2 * LN(RANDOM() + 1e-12)) * COS(6.283185 * RANDOM()) + {d}",
    "EXP(SQRT(-2 * LN(RANDOM() + 1e-12)) * COS(6.283185 * RANDOM()) + {d})",
    "CASE WHEN RANDOM() < 0.6 - {d} / 10 THEN 0 ELSE RANDOM() * 100 END",
    "FLOOR(RANDOM() * 5000 * (1 + {d}))",
    "CASE WHEN RANDOM() < 0.02 THEN NULL ELSE (1 + {d}) / (RANDOM() + 1e-7) END",
)


def timed(work: Callable[[], object], repeat: int) -> float:
    best = float("inf")
    for _ in range(repeat):
        started = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - started)
    return best


def sorted_ks(i: int, rows: int) -> str:
    pooled = f"SELECT x{i} AS x, 1.0 / {rows} AS w FROM reference WHERE x{i} IS NOT NULL UNION ALL SELECT x{i}, -1.0 / {rows} FROM same WHERE x{i} IS NOT NULL"
    return f"SELECT MAX(ABS(f)) FROM (SELECT SUM(w) OVER (ORDER BY x) AS f FROM ({pooled}))"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=500_000)
    rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bench.duckdb"
        with duckdb.connect(str(path)) as c:
            for table, drift in (("reference", 0.0), ("same", 0.0), ("drifted", 0.1)):
                listed = ", ".join(f"CAST({SHAPES[i % 5].format(d=drift)} AS DOUBLE) AS x{i}" for i in range(20))
                c.execute(f"CREATE TABLE {table} AS SELECT {listed} FROM range({rows})")
        sums = ", ".join(f"COUNT(x{i}), SUM(x{i}), SUM(x{i} * x{i}), MIN(x{i}), MAX(x{i})" for i in range(20))
        with duckdb.connect(str(path), read_only=True) as c:
            limit = timed(lambda: [c.execute(f"SELECT {sums} FROM {t}").fetchall() for t in ("reference", "same")], 3)
            by_sort = timed(lambda: [c.execute(sorted_ks(i, rows)).fetchall() for i in range(20)], 1)
        print(f"{rows:,} + {rows:,} rows x 20 numeric columns, DuckDB {duckdb.__version__}")
        print(f"plain aggregate over both sides (the limit) {limit:8.2f} s")
        print(f"KS by sorted windows over the raw values    {by_sort:8.2f} s {by_sort / limit:7.1f} x limit")
        for precision in ("certified", "exact"):
            for table in ("same", "drifted"):
                tracemalloc.start()
                started = time.perf_counter()
                result = api.compare(
                    f"duckdb:///{path}", "reference", table, precision=precision, statistics=["psi", "ks"]
                )
                seconds = time.perf_counter() - started
                peak = tracemalloc.get_traced_memory()[1] / 2**20
                tracemalloc.stop()
                profile = result.seconds.get("profile/numeric_cells", 0.0)
                print(
                    f"compare, {precision:9s}, {table:7s} {seconds:8.2f} s {seconds / limit:7.1f} x limit, {by_sort / seconds:5.1f} x "
                    f"faster than sorting; profiles {profile:.2f} s, {result.refined_rows:,} rows refined, "
                    f"{result.rows_fetched:,} rows fetched, {peak:.0f} MiB in Python"
                )


if __name__ == "__main__":
    main()
