"""Two relations compared once, without a config and without writing anything but scratch tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from markupsafe import Markup

from warehouse_drift.config.resolved import Kind
from warehouse_drift.errors import UsageError
from warehouse_drift.grid.edges import RULES, ZERO_SHARES, Binning
from warehouse_drift.pipeline.grids import NumericColumn, Slice, build_grids, count_cells
from warehouse_drift.pipeline.metrics import Refined, pool, refine, summaries
from warehouse_drift.pipeline.ranks import moment_summaries, rank_summaries, rank_sums, ranked
from warehouse_drift.pipeline.session import Session
from warehouse_drift.pipeline.sides import ComparedColumn, both_sides
from warehouse_drift.pipeline.values import read_values, value_summaries
from warehouse_drift.sql.environment import identifier
from warehouse_drift.statistics.registry import BY_NAME, CATEGORICAL, DEFAULTS, NUMERIC
from warehouse_drift.warehouse.execute import Warehouse

VALUE_CAP = 1000
NAMED_UNSEEN = 50
NAMED_CHANGES = 50


@dataclass(frozen=True, slots=True)
class Comparison:
    """Summaries (dictionaries of the statistics' columns, with ``column_name`` and ``column_kind``) and what it cost."""

    columns: tuple[ComparedColumn, ...]
    rows: tuple[dict[str, Any], ...]
    refined: Refined
    row_counts: tuple[int, int]
    bin_labels: dict[str, tuple[str, ...]]
    passes: dict[str, int]
    changed: dict[str, dict[str, list[dict[str, Any]]]] = field(default_factory=dict)
    """column -> ``new`` and ``vanished`` -> values with their rows, most frequent first"""


def column_sql(name: str, kind: Kind, family: str = "") -> Markup:
    """What is measured of a column: a number, or a text. Of an array (``family``) it is the length."""
    quoted = Markup("src.") + identifier(name)
    if family == "array" and kind is Kind.NUMERIC:  # engines differ about the length of a missing array
        return Markup("CAST(CASE WHEN {} IS NOT NULL THEN ARRAY_LENGTH({}) END AS DOUBLE)").format(quoted, quoted)
    if kind is Kind.DATETIME:
        return Markup("CAST(EPOCH(CAST({} AS TIMESTAMP)) AS DOUBLE)").format(quoted)
    if kind is Kind.NUMERIC:
        return Markup("CAST({} AS DOUBLE)").format(quoted)
    return Markup("CAST({} AS VARCHAR)").format(quoted)


def present_sql(name: str) -> Markup:
    """A text where the column has a value, whatever that is; its own casts may refuse it."""
    return Markup("CASE WHEN src.{} IS NOT NULL THEN '' END").format(identifier(name))


def bare_sql(name: str, kind: Kind, family: str = "") -> Markup | None:
    """``column_sql`` without its cast, where that changes neither order nor NULLs."""
    return Markup("src.") + identifier(name) if kind is Kind.NUMERIC and family != "array" else None


def numeric_columns(columns: Sequence[ComparedColumn]) -> list[NumericColumn]:
    return [
        NumericColumn(
            c.number, c.name, column_sql(c.name, c.kind, c.family), c.float, c.integer, bare_sql(c.name, c.kind, c.family)
        )
        for c in columns
        if c.kind.value in NUMERIC
    ]


def compare(
    warehouse: Warehouse,
    reference: str,
    current: str,
    *,
    columns: Sequence[str] | None = None,
    statistics: Sequence[str] | None = None,
    precision: str = "certified",
    warn: float = 0.1,
    resolution: int | None = None,
    binning: Binning | None = None,
    zero_shares: str = "default",
) -> Comparison:
    """The summaries of ``current`` against ``reference`` (table names or SELECTs in parentheses).

    Statistics that are read from values, rank statistics with ``precision`` exact, and bins other than the default cost
    one more pass over the columns.
    """
    binning = binning or Binning()
    _check_rules(binning, zero_shares)
    for name in statistics or ():
        if name not in BY_NAME:
            import difflib

            near = difflib.get_close_matches(name, BY_NAME, 1)
            raise UsageError(
                f"There is no statistic {name!r}.",
                hint=f"Did you mean {near[0]}?" if near else f"Known: {', '.join(BY_NAME)}.",
            )
    sides_of = both_sides(warehouse, reference, current)
    binning = replace(binning, edges={sides_of.find(n).name: edges for n, edges in binning.edges.items()})
    ref, cur = sides_of.reference, sides_of.current
    matched = tuple(_told(c, statistics or DEFAULTS) for c in sides_of.wanted(columns))
    usable = [c for c in matched if c.problem is None]
    numeric = numeric_columns(usable)
    categorical = [c for c in usable if c.kind.value in CATEGORICAL]
    counted = [c for c in usable if c.kind.value not in NUMERIC]
    wanted = [s for s in BY_NAME if s in (statistics or DEFAULTS)]
    exact = precision == "exact"
    from_values = [s for s in wanted if _of_values(BY_NAME[s].source, binning, exact=exact)]
    wanted = [s for s in wanted if s not in from_values]
    reference_slice, current_slice = Slice(ref), Slice(cur)
    with Session(warehouse) as session:
        if not numeric and not counted:
            return Comparison(matched, (), Refined(0, 0), (0, 0), {}, {})
        extra: list[dict[str, Any]] = []
        if from_values:
            texts = [(c.number, column_sql(c.name, c.kind)) for c in categorical]
            data = read_values(session, numeric, texts, reference_slice, current_slice)
            extra = _named(value_summaries(session, data, from_values, binning, zero_shares), matched)
        if not wanted:
            return Comparison(matched, tuple(extra), Refined(0, 0), (0, 0), {}, {})
        built = build_grids(session, numeric, reference_slice, resolution)
        sides: list[dict[str, Any]] = [
            {"side": "r", "cells": table, "columns": list(numbers)} for table, numbers in built.cells
        ]
        if numeric:
            squares = any(BY_NAME[s].source == "moments" for s in wanted)
            table = count_cells(session, "current", numeric, built.grids, current_slice, squares=squares)
            sides.append({"side": "c", "cells": table, "columns": [c.number for c in numeric]})
        tables: dict[str, Markup] = {}
        if counted:
            listed = [
                {"number": c.number, "x": present_sql(c.name), "values": False}
                if c.kind is Kind.TEXT
                else {"number": c.number, "x": column_sql(c.name, c.kind), "values": True}
                for c in counted
            ]
            for side, where in (("ref", reference_slice), ("cur", current_slice)):
                tables[side] = session.scratch(
                    f"values_{side}", "profile/categorical_cells", columns=listed, salt="", **where.params()
                )
        merged = session.part(
            "metrics/compare_sides",
            numeric=sides,
            categorical=bool(counted),
            ref=tables.get("ref"),
            cur=tables.get("cur"),
            cap=VALUE_CAP,
            named=NAMED_UNSEEN,
        )
        ranks = ranked(wanted)
        pooled = pool(
            session, merged, built.bins, [c.number for c in numeric], warn, refinable=exact or bool(ranks)
        )
        refined = Refined(0, 0)
        if exact:
            area = any(s.startswith("wasserstein") for s in wanted)
            pooled, refined = refine(
                session, pooled, numeric, built.grids, reference_slice, current_slice, ks="ks" in wanted, area=area
            )
        by_number = {c.number: c for c in matched}
        measured = summaries(session, pooled, wanted, zero_shares=zero_shares, expected=len(usable))
        measured += rank_summaries(session, pooled, rank_sums(session, pooled, ranks), ranks, expected=len(usable))
        measured += moment_summaries(session, pooled, wanted)
        rows = _named(measured, matched)
        for row in rows:
            if BY_NAME[row["statistic"]].source == "bins":
                row |= {
                    "binning": "quantile" if row["column_kind"] in NUMERIC else "values",
                    "zero_shares": zero_shares,
                }
        rows += extra
        changed: dict[str, dict[str, list[dict[str, Any]]]] = {}
        if categorical and {"unseen_rate", "vanished_rate"} & set(wanted):
            for r in session.rows("metrics/changed_values", cells=pooled.cells, most=NAMED_CHANGES):
                of_column = changed.setdefault(by_number[int(r["column_no"])].name, {"new": [], "vanished": []})
                of_column[r["change"]].append({"value": r["label"], "rows": int(r["n"])})
    labels = {by_number[n].name: tuple(b.label for b in some) for n, some in built.bins.items()}
    return Comparison(
        matched,
        tuple(rows),
        refined,
        (0, 0),
        labels,
        {by_number[n].name: p for n, p in built.passes.items()},
        changed,
    )


def _told(column: ComparedColumn, wanted: Sequence[str]) -> ComparedColumn:
    """Of a column without a measure only the missing values can be told; ``unsupported_type`` where they are not asked for."""
    asked = any(column.kind.value in BY_NAME[s].kinds for s in wanted)
    return column if asked or column.problem or column.kind is not Kind.TEXT else replace(column, problem="unsupported_type")


def _of_values(source: str, binning: Binning, *, exact: bool) -> bool:
    """Whether it takes a pass of its own over both sides' values."""
    return source == "values" or (source in ("ranks", "moments") and exact) or (source == "bins" and _free(binning))


def _free(binning: Binning) -> bool:
    """Whether the bins are not those of the grid."""
    return binning.rule != "quantile" or binning.missing


def _check_rules(binning: Binning, zero_shares: str) -> None:
    for word, known, what in ((binning.rule, RULES, "binning"), (zero_shares, ZERO_SHARES, "rule for shares of zero")):
        if word not in known:
            raise UsageError(f"There is no {what} {word!r}.", hint=f"Known: {', '.join(known)}.")


def _named(rows: Sequence[dict[str, Any]], columns: Sequence[ComparedColumn]) -> list[dict[str, Any]]:
    """Rows with the name and kind of their column, where the statistic is for that kind."""
    by_number = {c.number: c for c in columns}
    named = []
    for row in rows:
        column = by_number[int(row["column_no"])]
        if column.kind.value in BY_NAME[row["statistic"]].kinds:
            named.append(row | {"column_name": column.name, "column_kind": column.kind.value})
    return named
