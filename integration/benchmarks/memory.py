"""Memory of a compare: the engine held to a limit, and Python's own peak from small tables to large ones.

``python integration/benchmarks/memory.py --rows 10000000 --limit 512MB`` makes three tables of that size (about 2.5 GB on
disk) and compares them certified and exact with DuckDB's ``memory_limit`` set; the engine spills what it must.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
import tracemalloc
from multiprocessing import Process
from pathlib import Path

import duckdb
from data import make

from warehouse_drift import api


def compared(path: Path, limit: str, current: str, precision: str) -> str:
    tracemalloc.start()
    started = time.perf_counter()
    result = api.compare(f"duckdb:///{path}?memory_limit={limit}", "reference", current, precision=precision)
    seconds = time.perf_counter() - started
    peak = tracemalloc.get_traced_memory()[1] / 2**20
    tracemalloc.stop()
    return (
        f"{precision:9s} {current:8s} {seconds:7.1f} s, {result.rows_fetched:,} rows fetched, "
        f"{result.refined_rows:,} values in question, Python {peak:.1f} MiB, "
        f"process {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB at most so far"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000, help="rows a side")
    parser.add_argument("--limit", default="512MB", help="DuckDB's memory_limit")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for rows in sorted({100_000, 1_000_000, options.rows}):
            path = Path(folder) / f"m{rows}.duckdb"
            maker = Process(target=make, args=(path, rows))  # its memory is not that of a compare
            maker.start()
            maker.join()
            print(
                f"{rows:,} + {rows:,} rows x 25 columns, memory_limit {options.limit}, DuckDB {duckdb.__version__}",
                flush=True,
            )
            for current, precision in (
                ("same", "certified"),
                ("drifted", "certified"),
                ("drifted", "exact"),
                ("same", "exact"),
            ):
                if precision == "certified" or rows == options.rows:
                    print(compared(path, options.limit, current, precision), flush=True)
            path.unlink()


if __name__ == "__main__":
    main()
