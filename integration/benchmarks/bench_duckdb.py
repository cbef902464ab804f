"""Grid, profile and compare on DuckDB, against the plain-aggregate limit, a full sort, and pandas with SciPy, in one run.

Wall and CPU seconds of everything are printed: where other work keeps the machine busy, CPU seconds compare better.
``docs/benchmarks.md`` keeps the figures of one run.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb
from data import CATEGORICAL, NUMERIC, WINDOWS, make

from warehouse_drift import api
from warehouse_drift.config.resolved import Kind, Threshold
from warehouse_drift.decisions.decide import Rules, needs_refinement
from warehouse_drift.decisions.rows import summary_from
from warehouse_drift.pipeline.compare import bare_sql, column_sql
from warehouse_drift.pipeline.compare import compare as run_compare
from warehouse_drift.pipeline.grids import NumericColumn, Slice, build_grids, cell_params
from warehouse_drift.pipeline.session import Session
from warehouse_drift.sql.environment import identifier
from warehouse_drift.warehouse.connect import open_warehouse

JUDGED = {"psi": (0.1, 0.25), "ks": (0.05, 0.1), "wasserstein_normed": (0.1, 0.25)}
"""Limits for the refined share: also on the two statistics that are bounded, which no preset judges by default."""


@dataclass(frozen=True, slots=True)
class Seconds:
    wall: float
    cpu: float

    def over(self, other: Seconds) -> str:
        return f"{self.wall / other.wall:6.1f} x ({self.cpu / other.cpu:5.1f} x CPU)"


def timed(work: Callable[[], object], repeat: int = 1) -> Seconds:
    """The fastest of ``repeat`` runs."""
    best = Seconds(float("inf"), float("inf"))
    for _ in range(repeat):
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        best = Seconds(min(best.wall, time.perf_counter() - wall), min(best.cpu, time.process_time() - cpu))
    return best


def show(what: str, s: Seconds, *more: str) -> None:
    print(f"{what:58s} {s.wall:8.2f} s {s.cpu:8.2f} CPU s  {'; '.join(more)}", flush=True)


_EACH = ", ".join(f"COUNT({x}), SUM({x}), SUM(CAST({x} AS DOUBLE) * {x}), MIN({x}), MAX({x})" for x in NUMERIC)
LIMIT = f"SELECT {_EACH} FROM {{}}"


def plain_aggregate(path: Path, tables: tuple[str, ...]) -> Seconds:
    with duckdb.connect(str(path), read_only=True) as c:
        return timed(lambda: [c.execute(LIMIT.format(t)).fetchall() for t in tables], 3)


def sorted_windows(path: Path, current: str, cheapest: bool, *, opened: bool) -> Seconds:
    """KS and Wasserstein by windows over all raw values; ``cheapest``: the fastest correct form that was found.
    ``opened``: the file is open and both tables are in memory when the clock starts; otherwise it is closed."""
    plain = (
        "SELECT MAX(ABS(f)), SUM(ABS(f) * step) FROM (SELECT SUM(w) OVER (ORDER BY x) AS f, LEAD(x) OVER (ORDER BY x) - x AS step "
        "FROM (SELECT {x} AS x, 1.0 / n AS w FROM reference, (SELECT COUNT({x}) AS n FROM reference) WHERE {x} IS NOT NULL "
        "UNION ALL SELECT {x}, -1.0 / n FROM {t}, (SELECT COUNT({x}) AS n FROM {t}) WHERE {x} IS NOT NULL))"
    )
    frame = "ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW"
    fast = (
        "SELECT MAX(ABS(r / nr - c / nc)), SUM(ABS(r / nr - c / nc) * (nx - x)) FROM "
        f"(SELECT x, SUM(r) OVER (ORDER BY x {frame}) AS r, SUM(c) OVER (ORDER BY x {frame}) AS c, LEAD(x) OVER (ORDER BY x) AS nx "
        "FROM (SELECT {x} AS x, 1 AS r, 0 AS c FROM reference WHERE {x} IS NOT NULL UNION ALL SELECT {x}, 0, 1 FROM {t} WHERE {x} IS NOT NULL)), "
        "(SELECT COUNT({x}) AS nr FROM reference), (SELECT COUNT({x}) AS nc FROM {t}) WHERE nx > x OR nx IS NULL"
    )
    text = fast if cheapest else plain

    def sort(c: duckdb.DuckDBPyConnection) -> None:
        for x in NUMERIC:
            c.execute(text.format(x=x, t=current)).fetchall()

    def whole() -> None:
        with duckdb.connect(str(path), read_only=True) as c:
            sort(c)

    if not opened:
        return timed(whole)
    with duckdb.connect(str(path), read_only=True) as c:
        for table in ("reference", current):
            c.execute(LIMIT.format(table)).fetchall()
        return timed(lambda: sort(c))


def grid_and_profile(path: Path) -> tuple[Seconds, Seconds]:
    """(grid with the reference's profile, profile of one more side)."""
    with open_warehouse(f"duckdb:///{path}", read_only=True) as warehouse, Session(warehouse) as session:
        columns = [
            NumericColumn(i, x, column_sql(x, Kind.NUMERIC), i % 5 != 3, i % 5 == 3, bare_sql(x, Kind.NUMERIC))
            for i, x in enumerate(NUMERIC)
        ]
        grid = timed(lambda: build_grids(session, columns, Slice(identifier("reference"))))
        built = build_grids(session, columns, Slice(identifier("reference")))
        params = Slice(identifier("same")).params()
        profile = timed(
            lambda: session.scratch("p", "profile/numeric_cells", columns=cell_params(columns, built.grids), **params),
            3,
        )
        print(
            f"passes over a column of the reference: {sorted(set(built.passes.values()))} (2: a sample and one profile)"
        )
    return grid, profile


def compared(path: Path, current: str, precision: str, *, opened: bool) -> tuple[Seconds, api.CompareResult]:
    """``opened``: as in ``sorted_windows``. Another connection of this process holds the database open then."""
    found: list[api.CompareResult] = []
    columns, url = [*NUMERIC], f"duckdb:///{path}"

    def work() -> None:
        found.append(api.compare(url, "reference", current, columns=columns, precision=precision))

    repeat = 3 if precision == "certified" else 1
    if not opened:
        return timed(work, repeat), found[-1]
    with open_warehouse(url, read_only=True) as warehouse:
        for table in ("reference", current):
            warehouse.fetch(LIMIT.format(table), name="plain aggregate")
        return timed(work, repeat), found[-1]


def python_memory(path: Path) -> float:
    """tracemalloc peak of one certified compare, MiB."""
    tracemalloc.start()
    api.compare(f"duckdb:///{path}", "reference", "same")
    peak = tracemalloc.get_traced_memory()[1] / 2**20
    tracemalloc.stop()
    return peak


def refined_share(path: Path) -> tuple[int, int]:
    """No-drift (column, window) pairs that certified decisions would refine, and all of them."""
    rules = Rules(
        {(x, s): Threshold(*pair, auto=False, source="benchmark") for x in NUMERIC for s, pair in JUDGED.items()}
    )
    refined = 0
    for window in range(WINDOWS):
        with open_warehouse(f"duckdb:///{path}", read_only=True) as warehouse:
            rows = run_compare(
                warehouse,
                "reference",
                f"(SELECT * FROM same WHERE part = {window})",
                columns=list(NUMERIC),
                statistics=list(JUDGED),
            ).rows
        summaries = [summary_from(r, column_name=r["column_name"], column_kind=r["column_kind"]) for r in rows]
        refined += len({key[1] for key in needs_refinement(summaries, rules)})
    return refined, WINDOWS * len(NUMERIC)


BARS = (
    (1, "profile of one side, times its plain aggregate", "at most", 4.0),
    (2, "certified compare, times faster than sorted windows", "at least", 12.0),
    (3, "exact compare with drift, times faster than sorted windows", "at least", 5.0),
    (4, "share of pairs without drift that are refined", "at most", 0.05),
    (5, "Python's memory in MiB", "at most", 50.0),
    (6, "whole process, times faster than pandas and SciPy", "at least", 10.0),
    (7, "seconds of --help", "at most", 0.4),
)
"""What the benchmark has to show at 2,000,000 rows a side (the last two at 1,000,000); all by the clock. Bars 2 and 3 compare within an engine that is open and has both tables in memory, as the limit does; the
same from the closed file is printed beside."""


def show_bars(found: Mapping[int, float]) -> None:
    for number, what, word, limit in BARS:
        if number in found:
            met = found[number] <= limit if word == "at most" else found[number] >= limit
            print(f"bar {number}: {'met' if met else 'missed'}: {what} {found[number]:.2f} ({word} {limit:g})")


def process(*command: str) -> float:
    """Wall seconds of a whole process."""
    started = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - started


def against_pandas(path: Path) -> dict[int, float]:
    ours = [
        sys.executable,
        "-m",
        "warehouse_drift",
        "compare",
        "--url",
        f"duckdb:///{path}",
        "--reference",
        "reference",
    ]
    listed = ",".join((*NUMERIC, *CATEGORICAL))
    theirs = [sys.executable, str(Path(__file__).with_name("pandas_scipy.py")), str(path), "reference"]
    ratios = []
    for current in ("same", "drifted"):
        a = process(*ours, "--current", current, "--columns", listed, "--format", "json", "--fail-on", "never")
        b = process(*theirs, current)
        ratios.append(b / a)
        print(
            f"whole process, {current:8s} warehouse-drift {a:6.2f} s, pandas + SciPy {b:6.2f} s: {b / a:5.1f} x",
            flush=True,
        )
    help_seconds = min(process(sys.executable, "-m", "warehouse_drift", "--help") for _ in range(3))
    print(f"warehouse-drift --help {help_seconds:.2f} s")
    return {6: min(ratios), 7: help_seconds}


def against_sorts(path: Path, both: Seconds, *, opened: bool) -> tuple[float, float]:
    """How many times faster than the plain sort the slower certified compare is, and the exact one with drift."""
    certified = {}
    for current in ("same", "drifted"):
        s, r = compared(path, current, "certified", opened=opened)
        certified[current] = s
        show(
            f"compare certified, all statistics, {current}",
            s,
            f"{s.over(both)} limit",
            f"{r.rows_fetched:,} rows fetched",
            f"{r.statements} statements",
        )
    sorts = {}
    for cheapest in (False, True):
        name = "fastest form found" if cheapest else "plain form"
        sorts[cheapest] = sorted_windows(path, "same", cheapest, opened=opened)
        show(
            f"KS and Wasserstein by sorted windows, {name}",
            sorts[cheapest],
            f"{sorts[cheapest].over(both)} limit",
            f"certified is {sorts[cheapest].over(certified['same'])} faster",
        )
    exact = {}
    for current in ("drifted", "same"):
        s, r = compared(path, current, "exact", opened=opened)
        exact[current] = s
        show(
            f"compare exact, all statistics, {current}",
            s,
            f"{s.over(both)} limit",
            f"{r.refined_rows:,} values in question",
            f"{sorts[False].over(s)} and {sorts[True].over(s)} faster than the two sorts",
        )
    plain = sorts[False].wall
    return plain / max(c.wall for c in certified.values()), plain / exact["drifted"].wall


def in_engine(path: Path, rows: int) -> dict[int, float]:
    """Everything but the comparison with pandas; the bars that it decides."""
    print(
        f"{rows:,} + {rows:,} rows x {len(NUMERIC)} numeric columns, DuckDB {duckdb.__version__}, Python {sys.version.split()[0]}"
    )
    one, both = plain_aggregate(path, ("reference",)), plain_aggregate(path, ("reference", "same"))
    show("plain aggregate, one side", one)
    show("plain aggregate, both sides (the limit)", both)
    grid, profile = grid_and_profile(path)
    show("grid, with the reference's profile", grid, f"{grid.over(one)} one side's limit")
    show("profile of one side", profile, f"{profile.over(one)} one side's limit")
    ratios: dict[bool, tuple[float, float]] = {}
    for opened in (True, False):
        print("open, tables in memory:" if opened else "from the closed file:", flush=True)
        ratios[opened] = against_sorts(path, both, opened=opened)
    print(f"from the closed file, certified {ratios[False][0]:.1f} x and exact {ratios[False][1]:.1f} x the plain sort")
    show("plain aggregate, both sides, again", plain_aggregate(path, ("reference", "same")))
    refined, pairs = refined_share(path)
    print(f"refined share of no-drift (column, window) pairs: {refined} of {pairs} ({refined / pairs:.1%})")
    memory = python_memory(path)
    print(f"Python-side memory of a compare (tracemalloc peak): {memory:.1f} MiB")
    return {
        1: profile.wall / one.wall,
        2: ratios[True][0],
        3: ratios[True][1],
        4: refined / pairs,
        5: memory,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=500_000, help="rows a side")
    parser.add_argument(
        "--pandas-rows",
        type=int,
        default=0,
        help="rows a side of the comparison with pandas (0: as --rows, at most 1,000,000)",
    )
    parser.add_argument("--part", choices=("all", "engine", "pandas"), default="all")
    options = parser.parse_args()
    rows = options.rows
    bars: dict[int, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bench.duckdb"
        if options.part != "pandas":
            make(path, rows)
            bars |= in_engine(path, rows)
        if options.part != "engine":
            size = options.pandas_rows or min(rows, 1_000_000)
            if size != rows or options.part == "pandas":
                path.unlink(missing_ok=True)
                make(path, size)
            print(f"{size:,} + {size:,} rows x {len(NUMERIC) + len(CATEGORICAL)} columns")
            bars |= against_pandas(path)
    show_bars(bars)


if __name__ == "__main__":
    main()
