"""One scan of a slice into cells, facts and publish records: the only stage that reads the source (but for refinement)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from markupsafe import Markup

from warehouse_drift.grid.spec import NumericGrid
from warehouse_drift.pipeline.columns import Measured
from warehouse_drift.pipeline.compare import NAMED_UNSEEN
from warehouse_drift.pipeline.context import Context, Segmenting, column_params
from warehouse_drift.pipeline.grids import Slice, count_cells
from warehouse_drift.pipeline.session import Session
from warehouse_drift.plan.calendar import Span
from warehouse_drift.results import write
from warehouse_drift.results.tables import BY_NAME as TABLES
from warehouse_drift.results.tables import WHOLE_BASELINE
from warehouse_drift.sql.render import render

TOP_VALUES = 10
QUANTILES = (("p05", 0.05), ("p25", 0.25), ("p50", 0.5), ("p75", 0.75), ("p95", 0.95))


@dataclass(frozen=True, slots=True)
class Scan:
    """Scratch tables of one scan: rows (wide, per bucket and segment code) and cells (per segment code)."""

    rows: Markup
    cells: Markup
    zeros: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Levels:
    """Scratch tables of one scan by segment: ``whole`` sums all buckets as number 0."""

    marginal: Markup
    rows: Markup
    facts: Markup


def batches(items: Sequence[Measured], size: int) -> Iterator[Sequence[Measured]]:
    """``size``: the dialect's columns a statement."""
    for first in range(0, len(items), size):
        yield items[first : first + size]


def numeric_cells(
    session: Session, measured: Sequence[Measured], grids: Mapping[int, NumericGrid], where: Slice
) -> list[dict[str, Any]]:
    """Cells of the numeric columns: parameters of ``profile/cells``."""
    numeric = [m for m in measured if m.is_numeric]
    return [
        {
            "cells": count_cells(session, "numeric", [m.numeric for m in some], grids, where),
            "columns": [m.number for m in some],
        }
        for some in batches(numeric, session.dialect.statement_columns)
    ]


def value_cells(session: Session, measured: Sequence[Measured], where: Slice, salt: str) -> list[Markup]:
    """Counted values of the other columns."""
    others = [m for m in measured if not m.is_numeric]
    return [
        session.scratch(
            "values", "profile/categorical_cells", columns=[m.values for m in some], salt=salt, **where.params()
        )
        for some in batches(others, session.dialect.statement_columns)
    ]


def scanned(
    session: Session,
    measured: Sequence[Measured],
    where: Slice,
    numeric: Sequence[dict[str, Any]],
    values: Sequence[Markup],
    known: Markup | None,
    wide: Sequence[int],
) -> Scan:
    """Brings the cells of a slice into one shape and counts its rows."""
    zeros = [m for m in measured if m.column.kind.value == "numeric"]
    rows = session.scratch(
        "rows", "profile/bucket_rows", columns=[{"number": m.number, "x": m.x} for m in zeros], **where.params()
    )
    cells = session.scratch(
        "cells",
        "profile/cells",
        numeric=list(numeric),
        values=list(values),
        known=known,
        wide=list(wide),
        named=NAMED_UNSEEN,
    )
    return Scan(rows, cells, tuple(m.number for m in zeros))


def levels(session: Session, scan: Scan, segments: Segmenting, *, whole: bool) -> Levels:
    keys = list(segments.keys)
    marginal = session.scratch("marginal", "profile/marginal_cells", cells=scan.cells, keys=keys, whole=whole)
    rows = session.scratch(
        "row_facts", "profile/row_facts", rows=scan.rows, numbers=list(scan.zeros), keys=keys, whole=whole
    )
    facts = session.scratch(
        "facts",
        "profile/facts",
        marginal=marginal,
        rows=rows,
        keys=keys,
        top=TOP_VALUES,
        quantiles=[(Markup(name), share) for name, share in QUANTILES],
    )
    return Levels(marginal, rows, facts)


def changed(
    session: Session,
    context: Context,
    found: Levels,
    measured: Sequence[Measured],
    grid_ids: Mapping[str, str],
    buckets: Sequence[dict[str, Any]],
) -> set[int]:
    """Numbers of the buckets whose profile differs from the published one."""
    if not buckets or not measured:
        return set()
    rows = session.rows(
        "store/changed_buckets",
        s=context.s,
        key=context.key,
        marginal=found.marginal,
        columns=column_params(measured, grid_ids),
        buckets=list(buckets),
    )
    return {int(r["bucket_no"]) for r in rows}


def bucket_params(buckets: Sequence[Span]) -> list[dict[str, Any]]:
    return [{"no": i, "start": b.start, "end": b.end, "date": b.date} for i, b in enumerate(buckets)]


WHOLE = [{"no": 0, "start": WHOLE_BASELINE, "end": WHOLE_BASELINE, "date": WHOLE_BASELINE.date()}]
"""The bucket under which the sum of the whole baseline is stored."""


def store(
    context: Context,
    found: Levels,
    measured: Sequence[Measured],
    grid_ids: Mapping[str, str],
    segments: Segmenting,
    buckets: Sequence[dict[str, Any]],
    scan_started_at: datetime,
) -> int:
    """Appends cells and facts, then the publish records; the number of units. Before the last statement nobody sees
    any of it."""
    if not buckets:
        return 0
    columns = column_params(measured, grid_ids)
    with_table = column_params(measured, grid_ids, table=True)
    shared = {"key": context.key, "buckets": list(buckets), "first_key": segments.first}
    _append(context, "wd_cells", "store/cells", marginal=found.marginal, columns=columns, **shared)
    _append(context, "wd_profiles", "store/profiles", facts=found.facts, columns=with_table, **shared)
    _append(
        context,
        "wd_units",
        "store/units",
        rows=found.rows,
        columns=with_table,
        keys=list(segments.names),
        scan_started_at=scan_started_at,
        **shared,
    )
    return len(with_table) * len(segments.names) * len(buckets)


def _append(context: Context, table: str, template: str, **params: Any) -> None:
    select = render(template, params, context.warehouse.dialect).sql
    write.insert_select(context.warehouse, context.schema, table, TABLES[table].names, select, template=template)
