"""The profile of 20 numeric columns on one engine, by every candidate plan, against that engine's plain-aggregate limit.

``product`` is the statement that runs send (profile/numeric_cells); the others are candidates of engine_plans.py. Wall
seconds are the fastest of ``--repeat``; CPU seconds are those of the engine's processes and this one.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from integration.benchmarks.data import NUMERIC, make
from integration.benchmarks.engine_plans import Data, Plan, limit, plans_of
from integration.engines import Engine, spark, start
from warehouse_drift.config.resolved import Kind
from warehouse_drift.grid.spec import NumericGrid
from warehouse_drift.pipeline.compare import column_sql
from warehouse_drift.pipeline.grids import NumericColumn, Slice, build_grids, cell_params
from warehouse_drift.pipeline.session import Session
from warehouse_drift.sql.ddl import create_scratch, drop_scratch
from warehouse_drift.sql.environment import identifier
from warehouse_drift.sql.render import render
from warehouse_drift.warehouse.connect import open_warehouse
from warehouse_drift.warehouse.execute import Warehouse


def columns() -> list[NumericColumn]:
    return [NumericColumn(i, x, column_sql(x, Kind.NUMERIC), i % 5 != 3, i % 5 == 3) for i, x in enumerate(NUMERIC)]


def edges(path: Path) -> list[list[float]]:
    """Deciles of the reference, without repeats."""
    with duckdb.connect(str(path), read_only=True) as c:
        found = []
        for x in NUMERIC:
            row = c.execute(
                f"SELECT QUANTILE_DISC({x}, [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]) FROM reference"
            ).fetchone()
            found.append(sorted({float(v) for v in row[0]}) if row else [])
    return found


def grids(path: Path, cells: int) -> dict[int, NumericGrid]:
    with open_warehouse(f"duckdb:///{path}", read_only=True) as warehouse, Session(warehouse) as session:
        return dict(build_grids(session, columns(), Slice(identifier("reference")), cells_per_column=cells).grids)


def load(engine: Engine, path: Path) -> None:
    """The table ``reference`` into the engine, by its own bulk load."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        listed = ", ".join(NUMERIC)
        with duckdb.connect(str(path), read_only=True) as c:
            if engine.name == "postgres":
                c.execute(f"COPY (SELECT {listed} FROM reference) TO '{folder}/r.csv' (HEADER false, NULLSTR '')")
            else:
                c.execute(f"COPY (SELECT {listed} FROM reference) TO '{folder}/r.parquet'")
        LOADERS[engine.name](engine, folder)


def _postgres(engine: Engine, folder: str) -> None:
    import psycopg2

    with psycopg2.connect(engine.url) as connection, connection.cursor() as cursor:
        listed = ", ".join(f"{x} {'INTEGER' if i % 5 == 3 else 'DOUBLE PRECISION'}" for i, x in enumerate(NUMERIC))
        cursor.execute(f"CREATE TABLE reference ({listed})")
        with Path(folder, "r.csv").open() as file:
            cursor.copy_expert("COPY reference FROM STDIN CSV", file)
    connection.close()
    connection = psycopg2.connect(engine.url)
    connection.autocommit = True
    connection.cursor().execute("VACUUM ANALYZE reference")
    connection.close()


def _clickhouse(engine: Engine, folder: str) -> None:
    with open_warehouse(engine.url, connect_args=engine.connect_args) as warehouse:
        listed = ", ".join(f"{x} Nullable({'Int32' if i % 5 == 3 else 'Float64'})" for i, x in enumerate(NUMERIC))
        warehouse.execute(f"CREATE TABLE reference ({listed}) ENGINE = MergeTree ORDER BY tuple()", name="load")
        warehouse.execute(f"INSERT INTO reference SELECT * FROM file('{folder}/r.parquet', Parquet)", name="load")


def _spark(engine: Engine, folder: str) -> None:
    with open_warehouse(engine.url, connect_args=engine.connect_args) as warehouse:
        warehouse.execute("DROP TABLE IF EXISTS reference", name="load")
        warehouse.execute(f"CREATE TABLE reference USING PARQUET AS SELECT * FROM parquet.`{folder}/r.parquet`", name="load")  # fmt: skip


def _duckdb(engine: Engine, folder: str) -> None:
    with open_warehouse(engine.url) as warehouse:
        warehouse.execute(f"CREATE TABLE reference AS FROM '{folder}/r.parquet'", name="load")


LOADERS = {"postgres": _postgres, "clickhouse": _clickhouse, "spark": _spark, "duckdb": _duckdb}


WARM = {"postgres": 1, "duckdb": 1, "clickhouse": 4, "spark": 4}
"""Runs before the clock starts: these two compile what is run often, and the compiler's time is none of the plan's."""
BENCHED = {
    **spark.SETTINGS,
    "spark.master": "local[2]",
    "spark.sql.shuffle.partitions": "2",
    "spark.default.parallelism": "2",
}


def cpu_seconds(roots: Sequence[int]) -> float:
    """CPU of processes with all that they started, living and gone."""
    stats: dict[int, tuple[int, float]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parts = (entry / "stat").read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            stats[int(entry.name)] = (int(parts[1]), sum(map(int, parts[11:15])) / os.sysconf("SC_CLK_TCK"))
    wanted = set(roots)
    while True:
        more = {pid for pid, (parent, _) in stats.items() if parent in wanted} - wanted
        if not more:
            return sum(stats[pid][1] for pid in wanted if pid in stats)
        wanted |= more


def server_roots(engine: Engine, warehouse: Warehouse) -> list[int]:
    """This process, and PostgreSQL's own, which is no child of it."""
    if engine.name != "postgres":
        return [os.getpid()]
    folder = warehouse.fetch("SHOW data_directory", name="folder")[0]["data_directory"]
    return [os.getpid(), int(Path(folder, "postmaster.pid").read_text().splitlines()[0])]


@dataclass(slots=True)
class Clock:
    roots: list[int]
    repeat: int

    def __call__(self, work: Callable[[], object]) -> tuple[float, float]:
        best = (float("inf"), float("inf"))
        for _ in range(self.repeat):
            wall, cpu = time.perf_counter(), cpu_seconds(self.roots)
            work()
            best = (min(best[0], time.perf_counter() - wall), min(best[1], cpu_seconds(self.roots) - cpu))
        return best


def run_plan(warehouse: Warehouse, plan: Plan, statements: Sequence[str]) -> list[list[dict[str, Any]]]:
    """Results of all statements, by way of scratch tables unless they are one wide row."""
    if plan.wide:
        return [warehouse.fetch(sql, name=plan.name) for sql in statements]
    return into_scratch(warehouse, statements, fetched=True)


def into_scratch(
    warehouse: Warehouse, statements: Sequence[str], *, fetched: bool = False
) -> list[list[dict[str, Any]]]:
    """Rows stay in the warehouse, as the product's do; fetching them is for tests."""
    results = []
    for i, sql in enumerate(statements):
        warehouse.execute(create_scratch(f"wd_plan_{i}", sql, warehouse.dialect), name="plan")
    for i in range(len(statements)):
        if fetched:
            results.append(warehouse.fetch(f"SELECT * FROM {_quoted(warehouse, i)}", name="rows", max_rows=100_000))
        warehouse.execute(drop_scratch(f"wd_plan_{i}", warehouse.dialect), name="drop")
    return results


def _quoted(warehouse: Warehouse, i: int) -> str:
    mark = "`" if warehouse.dialect.sqlglot_name in ("spark", "databricks", "bigquery") else '"'
    return f"{mark}wd_plan_{i}{mark}"


def bench(engine: Engine, path: Path, rows: int, counts: Sequence[int], repeat: int, only: str) -> None:
    with open_warehouse(engine.url, connect_args=engine.connect_args) as warehouse:
        clock = Clock(server_roots(engine, warehouse), repeat)
        cuts = edges(path)
        floats = [c.float for c in columns()]
        data = Data("reference", NUMERIC, cuts, {}, floats)
        sql = limit(data, warehouse.dialect)
        for _ in range(WARM[engine.name]):
            warehouse.fetch(sql, name="warm")
        plain = clock(lambda: warehouse.fetch(sql, name="limit"))
        print(f"{rows:,} rows x {len(NUMERIC)} numeric columns, {engine.version}; fastest of {repeat}")
        print(f"{'limit: one plain aggregate':60s} {plain[0]:8.2f} s {plain[1]:8.2f} CPU s", flush=True)

        def show(name: str, work: Callable[[], object]) -> None:
            if only and only not in name:
                return
            for _ in range(WARM[engine.name] - 1):
                work()
            s = clock(work)
            ratio = f"{s[0] / plain[0]:6.1f} x ({s[1] / max(plain[1], 0.01):5.1f} x CPU)"
            print(f"{name:60s} {s[0]:8.2f} s {s[1]:8.2f} CPU s  {ratio}", flush=True)

        def candidates(kind: str, label: str, data: Data) -> None:
            for plan in plans_of(engine.name):
                if plan.cells != kind:
                    continue
                if plan.setting:
                    warehouse.execute(plan.setting[0], name="setting")
                try:
                    statements = plan.make(data, warehouse.dialect)
                    work = (
                        (lambda s=statements: [warehouse.fetch(q, name="wide") for q in s])
                        if plan.wide
                        else (lambda s=statements: into_scratch(warehouse, s))
                    )
                    show(f"{label}: {plan.name}", work)  # type: ignore[misc]
                except Exception as error:
                    print(f"{label}: {plan.name:50s} {str(error)[:160]}", flush=True)
                if plan.setting:
                    warehouse.execute(plan.setting[1], name="setting")

        candidates("bins", "10 bins", data)
        for k in counts:
            gridded = Data("reference", NUMERIC, cuts, grids(path, k), floats)
            sql_of_product = product_sql(warehouse, gridded)
            show(f"{k:,} cells: product (n, s, q, min, max)", lambda text=sql_of_product: into_scratch(warehouse, [text]))  # type: ignore[misc]  # fmt: skip
            candidates("cells", f"{k:,} cells", gridded)
        again = clock(lambda: warehouse.fetch(sql, name="limit"))
        print(f"{'limit, again':60s} {again[0]:8.2f} s {again[1]:8.2f} CPU s")


def scaling(engine: Engine, folder: Path, rows: int, times: Sequence[int], cells: int, repeat: int) -> None:
    """The product's statement with 1, 2 and 4 times the rows, and what Python itself holds meanwhile."""
    clock = Clock([os.getpid()], repeat)
    first: tuple[float, float] | None = None
    for k in times:
        path = folder / f"scale_{k}.duckdb"
        make(path, rows * k, tables=("reference",), columns=len(NUMERIC))
        load(engine, path)
        gridded = Data("reference", NUMERIC, edges(path), grids(path, cells), [c.float for c in columns()])
        path.unlink()
        with open_warehouse(engine.url, connect_args=engine.connect_args) as warehouse:
            sql = product_sql(warehouse, gridded)
            for _ in range(WARM[engine.name]):
                into_scratch(warehouse, [sql])
            tracemalloc.start()
            s = clock(lambda w=warehouse, text=sql: into_scratch(w, [text]))  # type: ignore[misc]
            peak = tracemalloc.get_traced_memory()[1] / 2**20
            tracemalloc.stop()
        first = first or s
        print(
            f"{rows * k:>10,} rows ({k}x), {cells:,} cells: {s[0]:6.2f} s ({s[0] / first[0]:4.2f} x) "
            f"{s[1]:6.2f} CPU s ({s[1] / first[1]:4.2f} x), Python {peak:.1f} MiB",
            flush=True,
        )


def product_sql(warehouse: Warehouse, data: Data) -> str:
    """What a run sends for one side without buckets and segments."""
    params = {"columns": cell_params(columns(), data.grids), **Slice(identifier("reference")).params()}
    return render("profile/numeric_cells", params, warehouse.dialect).sql


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", default="duckdb", choices=sorted(LOADERS))
    parser.add_argument("--rows", type=int, default=500_000)
    parser.add_argument("--cells", type=int, nargs="*", default=[100, 1000])
    parser.add_argument("--repeat", type=int, default=2)
    parser.add_argument("--only", default="", help="plans whose name holds this")
    parser.add_argument("--scale", type=int, nargs="*", default=[], help="multiples of the rows, instead of the plans")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bench.duckdb"
        engine = spark.start(BENCHED) if options.engine == "spark" else start(options.engine)
        try:
            if options.scale:
                scaling(engine, Path(folder), options.rows, options.scale, options.cells[-1], options.repeat)
                return
            make(path, options.rows, tables=("reference",), columns=len(NUMERIC))
            load(engine, path)
            bench(engine, path, options.rows, options.cells, options.repeat, options.only)
        finally:
            engine.close()


if __name__ == "__main__":
    main()
