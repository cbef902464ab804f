"""Candidate physical plans of a profile of many numeric columns, in the SQL of one engine.

Each plan gives, per column and cell, the rows, the sum of (x minus the column's first origin), minimum and maximum; a
plan that leaves some of them out says so. ``rows_of`` brings all of them into one shape, so that they can be compared.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlglot
from markupsafe import Markup

from warehouse_drift.grid.spec import NumericGrid
from warehouse_drift.sql.dialect import Dialect
from warehouse_drift.sql.environment import environment
from warehouse_drift.sql.transpile import transpile

Cells = dict[tuple[int, int], tuple[float, ...]]
"""(column, cell) -> (n, s, min, max), as far as the plan has them."""


@dataclass(frozen=True, slots=True)
class Data:
    """A relation's numeric columns with their cut points (10 bins) and grids (many cells)."""

    relation: str
    columns: Sequence[str]
    edges: Sequence[Sequence[float]]
    grids: Mapping[int, NumericGrid]
    floats: Sequence[bool]

    def origin(self, i: int) -> float:
        return self.edges[i][0] if self.edges[i] else 0.0


@dataclass(frozen=True, slots=True)
class Plan:
    """``make`` gives one statement for each batch of columns; ``gives`` the aggregates behind n: s, min, max."""

    name: str
    cells: str
    """bins (the 10), or cells (the grids')."""
    make: Callable[[Data, Dialect], list[str]]
    gives: str = "n s min max"
    wide: bool = False
    """One row with a column per (column, bin, aggregate) instead of one row per (column, cell)."""
    setting: tuple[str, ...] = ()


def number(x: float) -> str:
    return f"CAST('{x!r}' AS DOUBLE)"


def ladder(x: str, edges: Sequence[float]) -> str:
    """Bin of x by a CASE; NULL is -2."""
    whens = "".join(f" WHEN {x} < {number(e)} THEN {i}" for i, e in enumerate(edges))
    return f"CASE WHEN {x} IS NULL THEN -2{whens} ELSE {len(edges)} END"


def comparisons(x: str, edges: Sequence[float]) -> str:
    """Bin of x as a sum of comparisons; NULL stays NULL."""
    return " + ".join(f"CAST({x} >= {number(e)} AS INTEGER)" for e in edges) or f"CAST({x} IS NULL AS INTEGER)"


def grid_cell(x: str, i: int, data: Data, dialect: Dialect) -> str:
    module: Any = environment(dialect.name).get_template("macros/numeric_cell.sql.j2").module
    return str(module.cell_index(Markup(x), data.grids[i], data.floats[i]))


def cell_of(kind: str) -> Callable[[str, int, Data, Dialect], str]:
    def bins(x: str, i: int, data: Data, dialect: Dialect) -> str:
        return ladder(x, data.edges[i])

    def summed(x: str, i: int, data: Data, dialect: Dialect) -> str:
        return comparisons(x, data.edges[i])

    return {"ladder": bins, "comparisons": summed, "grid": grid_cell}[kind]


AGGREGATES = {"n": "COUNT(*) AS n", "s": "SUM(x - {o}) AS s", "min": "MIN(x) AS lo", "max": "MAX(x) AS hi"}


def aggregates(gives: str, origin: float) -> str:
    return ", ".join(AGGREGATES[g].format(o=number(origin)) for g in gives.split())


def per_column(kind: str, gives: str = "n s min max", batch: int = 64) -> Callable[[Data, Dialect], list[str]]:
    """One GROUP BY a column, ``batch`` of them in one statement with UNION ALL."""

    def make(data: Data, dialect: Dialect) -> list[str]:
        parts = [
            f"SELECT {i} AS c, cell, {aggregates(gives, data.origin(i))} FROM (SELECT x, {cell_of(kind)('x', i, data, dialect)} AS cell "
            f"FROM (SELECT CAST({x} AS DOUBLE) AS x FROM {data.relation} AS src) AS v) AS w GROUP BY cell"
            for i, x in enumerate(data.columns)
        ]
        return [
            transpile(" UNION ALL ".join(parts[f : f + batch]), dialect, "plan") for f in range(0, len(parts), batch)
        ]

    return make


def wide(form: str, gives: str = "n s min max") -> Callable[[Data, Dialect], list[str]]:
    """One scan, an aggregate per column and bin: SUM(CASE WHEN ...) or COUNT(*) FILTER."""

    def make(data: Data, dialect: Dialect) -> list[str]:
        listed = []
        for i, x in enumerate(data.columns):
            for b in range(-1, len(data.edges[i]) + 1):
                inside = condition(x, data.edges[i], b)
                value = f"CAST({x} AS DOUBLE)"
                texts = {
                    "n": f"COUNT(*) FILTER (WHERE {inside})" if form == "filter" else f"SUM(CASE WHEN {inside} THEN 1 ELSE 0 END)",
                    "s": f"SUM(CASE WHEN {inside} THEN {value} - {number(data.origin(i))} END)",
                    "min": f"MIN(CASE WHEN {inside} THEN {value} END)",
                    "max": f"MAX(CASE WHEN {inside} THEN {value} END)",
                }  # fmt: skip
                listed += [f"{texts[g]} AS {g}_{i}_{b + 2}" for g in gives.split()]
        text = f"SELECT {', '.join(listed)} FROM {data.relation} AS src"
        return [native(text, dialect) if form == "filter" else transpile(text, dialect, "plan")]

    return make


def native(text: str, dialect: Dialect) -> str:
    """Translated without the check of the house subset, which has no FILTER."""
    return sqlglot.transpile(text, read="duckdb", write=dialect.sqlglot_name)[0]


def condition(x: str, edges: Sequence[float], b: int) -> str:
    """Rows of bin ``b`` (-1: NULL)."""
    if b == -1:
        return f"{x} IS NULL"
    parts = ([f"{x} >= {number(edges[b - 1])}"] if b > 0 else []) + (
        [f"{x} < {number(edges[b])}"] if b < len(edges) else []
    )
    return " AND ".join(parts) or f"{x} IS NOT NULL"


def grouping_sets(kind: str) -> Callable[[Data, Dialect], list[str]]:
    """One scan, a grouping set a column; counts only (any other aggregate would be computed for every column in every
    set)."""

    def make(data: Data, dialect: Dialect) -> list[str]:
        inner = ", ".join(
            f"{cell_of(kind)(f'CAST({x} AS DOUBLE)', i, data, dialect)} AS k{i}" for i, x in enumerate(data.columns)
        )
        keys = [f"k{i}" for i in range(len(data.columns))]
        which = "CASE " + " ".join(f"WHEN GROUPING({k}) = 0 THEN {i}" for i, k in enumerate(keys)) + " END"
        cell = "CASE " + " ".join(f"WHEN GROUPING({k}) = 0 THEN {k}" for k in keys) + " END"
        sets = ", ".join(f"({k})" for k in keys)
        text = f"SELECT {which} AS c, {cell} AS cell, COUNT(*) AS n FROM (SELECT {inner} FROM {data.relation} AS src) AS v GROUP BY GROUPING SETS ({sets})"
        return [transpile(text, dialect, "plan")]

    return make


def unpivot(kind: str, before: str, after: str, sep: str, pair: str = "({i}, {x}, {k})") -> Callable[[Data, Dialect], list[str]]:  # fmt: skip
    """One scan, every row becomes one row a column, by the engine's own means: ``before``pairs``after``."""

    def make(data: Data, dialect: Dialect) -> list[str]:
        pairs = []
        for i, x in enumerate(data.columns):
            k = cell_of(kind)(f"CAST({x} AS DOUBLE)", i, data, dialect)
            k = transpile(f"SELECT {k} AS k", dialect, "plan").removeprefix("SELECT").strip().removesuffix("AS k")
            pairs.append(pair.format(i=i, x=x, k=k))
        origins = " ".join(f"WHEN {i} THEN {data.origin(i)!r}" for i in range(len(data.columns)))
        return [
            before.format(o=f"CASE c {origins} END", n=len(pairs), relation=data.relation)
            + sep.join(pairs)
            + after.format(relation=data.relation)
        ]

    return make


AGG_OF_ROWS = "SELECT c, cell, COUNT(*) AS n, SUM(x - {o}) AS s, MIN(x) AS lo, MAX(x) AS hi FROM "
LATERAL = (AGG_OF_ROWS + "{relation} AS src CROSS JOIN LATERAL (VALUES ", ") AS u (c, x, cell) GROUP BY c, cell", ", ")
STACK = (AGG_OF_ROWS + "(SELECT STACK({n}, ", ") AS (c, x, cell) FROM {relation}) AS u GROUP BY c, cell", ", ")
EXPLODE = (
    AGG_OF_ROWS + "(SELECT INLINE(ARRAY(",
    ")) AS (c, x, cell) FROM {relation}) AS u GROUP BY c, cell",
    ", ",
    "NAMED_STRUCT('c', {i}, 'x', CAST({x} AS DOUBLE), 'cell', {k})",
)


def plain_bins(form: str) -> Callable[[Data, Dialect], list[str]]:
    """ClickHouse: bins over types that are not nullable, in a key of one byte (255: NULL), which needs no hash table; by
    ``multiIf`` or as a sum of ``comparisons``. Numbers are plain literals: short texts, for the engine plans on one core."""

    def make(data: Data, dialect: Dialect) -> list[str]:
        parts = []
        for i, x in enumerate(data.columns):
            edges = data.edges[i]
            if form == "multiIf" and edges:
                key = f"multiIf(missing, 255, {''.join(f'x < {e!r}, {b}, ' for b, e in enumerate(edges))}{len(edges)})"
            else:
                bins = " + ".join(f"(x >= {e!r})" for e in edges) or "0"
                key = f"toUInt8(({bins}) * (1 - missing) + 255 * missing)"
            parts.append(
                f"SELECT {i} AS c, if(k = 255, -2, toInt32(k)) AS cell, toInt64(count()) AS n, if(k = 255, NULL, sum(x - {data.origin(i)!r})) AS s, "
                f"if(k = 255, NULL, min(x)) AS lo, if(k = 255, NULL, max(x)) AS hi FROM (SELECT x, {key} AS k "
                f"FROM (SELECT toFloat64(assumeNotNull({x})) AS x, isNull({x}) AS missing FROM {data.relation})) GROUP BY k"
            )
        return [" UNION ALL ".join(parts)]

    return make


ARRAY_JOIN = (
    AGG_OF_ROWS
    + "(SELECT tupleElement(u, 1) AS c, tupleElement(u, 2) AS x, tupleElement(u, 3) AS cell FROM (SELECT arrayJoin([",
    "]) AS u FROM {relation}) AS j) AS v GROUP BY c, cell",
    ", ",
    "tuple({i}, CAST({x}, 'Nullable(Float64)'), CAST({k}, 'Nullable(Int64)'))",
)
UNNEST = (
    AGG_OF_ROWS + "(SELECT UNNEST([",
    "], recursive := true) FROM {relation}) AS u GROUP BY c, cell",
    ", ",
    "{{'c': {i}, 'x': CAST({x} AS DOUBLE), 'cell': {k}}}",
)

SHARED = (
    Plan("per column, ladder, UNION ALL", "bins", per_column("ladder")),
    Plan("per column, sum of comparisons, UNION ALL", "bins", per_column("comparisons")),
    Plan("per column, ladder, a statement each", "bins", per_column("ladder", batch=1)),
    Plan("wide SUM(CASE), counts only", "bins", wide("case", "n"), "n", wide=True),
    Plan("wide SUM(CASE)", "bins", wide("case"), wide=True),
    Plan("wide COUNT FILTER, counts only", "bins", wide("filter", "n"), "n", wide=True),
    Plan("wide COUNT FILTER", "bins", wide("filter"), wide=True),
    Plan("GROUPING SETS, counts only", "bins", grouping_sets("ladder"), "n"),
    Plan("per column, UNION ALL", "cells", per_column("grid")),
    Plan("per column, UNION ALL, counts only", "cells", per_column("grid", "n"), "n"),
    Plan("per column, a statement each", "cells", per_column("grid", batch=1)),
    Plan("per column, batches of 5", "cells", per_column("grid", batch=5)),
    Plan("GROUPING SETS, counts only", "cells", grouping_sets("grid"), "n"),
)

OWN: dict[str, tuple[Plan, ...]] = {
    "duckdb": (
        Plan("UNNEST of structs", "bins", unpivot("ladder", *UNNEST)),
        Plan("UNNEST of structs", "cells", unpivot("grid", *UNNEST)),
    ),
    "postgres": (
        Plan("per column, UNION ALL, JIT on", "cells", per_column("grid"), setting=("SET jit = on", "SET jit = off")),
        Plan("wide COUNT FILTER, JIT on", "bins", wide("filter", "n"), "n", True, ("SET jit = on", "SET jit = off")),
        Plan("LATERAL VALUES", "bins", unpivot("ladder", *LATERAL)),
        Plan("LATERAL VALUES", "cells", unpivot("grid", *LATERAL)),
    ),
    "spark": (
        Plan("STACK", "bins", unpivot("ladder", *STACK, pair="{i}, CAST({x} AS DOUBLE), {k}")),
        Plan("INLINE of structs", "bins", unpivot("ladder", *EXPLODE)),
        Plan("STACK", "cells", unpivot("grid", *STACK, pair="{i}, CAST({x} AS DOUBLE), {k}")),
    ),
    "clickhouse": (
        Plan("per column, multiIf, plain types, UNION ALL", "bins", plain_bins("multiIf")),
        Plan("per column, sum of comparisons, plain types, UNION ALL", "bins", plain_bins("comparisons")),
        Plan("arrayJoin", "bins", unpivot("ladder", *ARRAY_JOIN)),
        Plan("arrayJoin", "cells", unpivot("grid", *ARRAY_JOIN)),
    ),
}


def plans_of(engine: str) -> tuple[Plan, ...]:
    return SHARED + OWN.get(engine, ())


def limit(data: Data, dialect: Dialect) -> str:
    """One plain count, sum, sum of squares, minimum and maximum a column, in one statement."""
    listed = ", ".join(
        f"COUNT({x}) AS n{i}, SUM(CAST({x} AS DOUBLE)) AS s{i}, SUM(CAST({x} AS DOUBLE) * CAST({x} AS DOUBLE)) AS q{i}, MIN({x}) AS lo{i}, MAX({x}) AS hi{i}"
        for i, x in enumerate(data.columns)
    )
    return transpile(f"SELECT {listed} FROM {data.relation} AS src", dialect, "limit")


def rows_of(plan: Plan, results: Sequence[Sequence[Mapping[str, Any]]]) -> Cells:
    """Results of a plan's statements in one shape. The bin of NULL is -2 whatever the plan calls it."""
    found: Cells = {}
    names = {"n": "n", "s": "s", "min": "lo", "max": "hi"}
    for rows in results:
        for r in rows:
            if plan.wide:
                for key, value in r.items():
                    what, i, b = key.split("_")
                    cell = (int(i), -2 if int(b) == 1 else int(b) - 2)
                    had = found.get(cell, ())
                    found[cell] = (*had, _value(value)) if what != "n" else (_value(value),)
                continue
            cell = -2 if r["cell"] is None else int(r["cell"])
            found[int(r["c"]), cell] = tuple(_value(r[names[g]]) for g in plan.gives.split())
    return {k: v for k, v in found.items() if v[0]}


def _value(value: Any) -> float:
    return float("nan") if value is None else float(value)
