"""What the profile-based statistics of one comparison cost on top of profiling: CPU seconds by statement.

    python integration/benchmarks/bench_statistics.py --rows 1000000

25 columns. Profiling: opening the database, grids and cells of both sides, the Python for it, and closing the database,
which gives back the pages that profiling read. Statistics: everything else in a ``compare`` (bins, bounds, the statement
of the statistics, decisions, rows), with the default ones, with all that are read from profiles, and with the intervals of the
rank statistics too. CPU seconds of the
whole process, so all threads of the engine count; and by the clock, where statistics, which use one core, weigh more.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from data import CATEGORICAL, NUMERIC, make

from warehouse_drift import api
from warehouse_drift.statistics.registry import BY_NAME, DEFAULTS
from warehouse_drift.warehouse.execute import Warehouse

FIRST = "metrics/pooled_cells"
"""The statement that puts the two profiles side by side, as a monitor's stored cells are: statistics begin with it."""


def measured(path: Path, statistics: tuple[str, ...]) -> dict[str, float]:
    """CPU seconds by statement, and of everything (Python too) before and after the first statement of statistics."""
    spent: dict[str, float] = defaultdict(float)
    marks: list[float] = []
    clock: list[float] = []
    plain = Warehouse._running

    @contextmanager
    def running(self: Warehouse, sql: str, name: str) -> Iterator[Any]:
        started = time.process_time()
        if name == FIRST:
            marks.append(started)
            clock.append(time.perf_counter())
        with plain(self, sql, name) as result:
            yield result
        spent[name] += time.process_time() - started

    def closing(self: Warehouse) -> None:
        started, wall = time.process_time(), time.perf_counter()
        close(self)
        spent["closing"] += time.process_time() - started
        spent["closing, clock"] += time.perf_counter() - wall

    close = Warehouse.close
    Warehouse._running, Warehouse.close = running, closing  # type: ignore[method-assign]
    try:
        started, wall = time.process_time(), time.perf_counter()
        api.compare(
            f"duckdb:///{path}", "reference", "drifted", columns=[*NUMERIC, *CATEGORICAL], statistics=list(statistics)
        )
        ended, wall_ended = time.process_time(), time.perf_counter()
    finally:
        Warehouse._running, Warehouse.close = plain, close  # type: ignore[method-assign]
    closed, closed_wall = spent.pop("closing"), spent.pop("closing, clock")
    return spent | {
        "profiling": marks[0] - started + closed,
        "statistics": ended - marks[0] - closed,
        "profiling, clock": clock[0] - wall + closed_wall,
        "statistics, clock": wall_ended - clock[0] - closed_wall,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Cost of the statistics on top of profiling.")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--verbose", action="store_true")
    given = parser.parse_args()
    plain = tuple(s.name for s in BY_NAME.values() if s.source not in ("values", "ranks", "moments"))
    every = tuple(s.name for s in BY_NAME.values() if s.source != "values")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bench.duckdb"
        make(path, given.rows, tables=("reference", "drifted"))
        print(
            f"{given.rows:,} + {given.rows:,} rows x {len(NUMERIC) + len(CATEGORICAL)} columns; CPU seconds, least of {given.repeat}"
        )
        for title, statistics in (
            ("default statistics", DEFAULTS),
            (f"all {len(plain)} from profiles", plain),
            (f"with ranks, {len(every)}", every),
        ):
            runs = [measured(path, statistics) for _ in range(given.repeat)]
            best = min(runs, key=lambda spent: spent["profiling"] + spent["statistics"])
            added = best["statistics"] / best["profiling"]
            print(
                f"{title:24s} profiling {best['profiling']:6.2f}  statistics {best['statistics']:6.2f}   added {added:.1%} ({best['statistics, clock'] / best['profiling, clock']:.1%} by the clock)"
            )
            if given.verbose:
                for name, seconds in sorted(best.items(), key=lambda item: -item[1])[:20]:
                    print(f"    {seconds:7.3f}  {name}")


if __name__ == "__main__":
    main()
