"""Drift of columns together: how badly the reference's main directions describe the rows of a chunk.

The reference's correlation matrix is one row of sums; its directions are found in Python; distances of rows to the plane
they span are averaged in the warehouse. Gaps, categories, scale, directions (65 % of the variance) and limits as in
NannyML 0.13's data reconstruction.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from warehouse_drift.config.resolved import Kind
from warehouse_drift.decisions import sentences
from warehouse_drift.decisions.library import Library
from warehouse_drift.decisions.model import Decision, Summary, Verdict
from warehouse_drift.errors import UsageError
from warehouse_drift.pipeline.compare import column_sql
from warehouse_drift.pipeline.grids import Slice
from warehouse_drift.pipeline.library import Chunks, Judged, chunked, order_of
from warehouse_drift.pipeline.session import Session
from warehouse_drift.pipeline.sides import ComparedColumn, both_sides
from warehouse_drift.pipeline.values import count_values
from warehouse_drift.statistics.registry import NUMERIC
from warehouse_drift.warehouse.execute import Warehouse

STATISTIC = "reconstruction_error"
MOST_COLUMNS = 50
"""More columns make statements of more than 1,300 sums."""
EXPLAINED = 0.65
MULTIPLIER = 3.0
BAND = 3.0


def measure_together(
    warehouse: Warehouse,
    reference: str,
    current: str,
    owner: Library,
    *,
    columns: Sequence[str] | None = None,
    chunks: Chunks | None = None,
) -> tuple[list[Judged], list[Judged]]:
    """The reconstruction error of the current side's chunks, and of the reference's own, judged against mean plus or
    minus three standard deviations of the latter.

    Raises UsageError for fewer than two or more than 50 usable columns, and for a preset without chunks.
    """
    if not owner.chunks:
        raise UsageError("Columns are judged together in chunks only.", hint="Use --preset nannyml.")
    chunks = chunks or Chunks()
    sides_of = both_sides(warehouse, reference, current)
    ref, cur = sides_of.reference, sides_of.current
    order = order_of(sides_of, chunks)
    wanted = [
        c
        for c in sides_of.wanted(columns)
        if c.problem is None
        and c.name != order.name
        and (columns or c.kind in (Kind.NUMERIC, Kind.CATEGORICAL, Kind.BOOLEAN))
    ]
    if not 2 <= len(wanted) <= MOST_COLUMNS:
        raise UsageError(f"Between 2 and {MOST_COLUMNS} columns can be judged together, not {len(wanted)}.")
    with Session(warehouse) as session:
        listed, frequencies = _scales(session, wanted, Slice(ref))
        residual, names = _residual(session, listed, frequencies, Slice(ref))
        sides = []
        for source in (cur, ref):
            where = chunked(session, source, order, chunks, owner)
            rows = session.rows(
                "multivariate/reconstruction",
                source=where.source,
                filter=where.filter,
                bucket=where.bucket,
                columns=listed,
                frequencies=frequencies,
                residual=residual,
            )
            sides.append(sorted(rows, key=lambda r: int(r["chunk_no"])))
    return _judged(sides[0], sides[1], owner, names)


def _scales(
    session: Session, wanted: Sequence[ComparedColumn], where: Slice
) -> tuple[list[dict[str, Any]], Markup | None]:
    """Columns with the mean and the spread that their rows are brought to, and the shares of categories."""
    numeric = [c for c in wanted if c.kind.value in NUMERIC]
    texts = [c for c in wanted if c.kind.value not in NUMERIC]
    facts: dict[int, Mapping[str, Any]] = {}
    if numeric:
        listed = [{"number": c.number, "x": column_sql(c.name, c.kind, c.family)} for c in numeric]
        rows = session.rows("multivariate/moments", source=where.source, filter=where.filter, columns=listed)
        facts |= {int(r["column_no"]): r for r in rows}
    frequencies = None
    if texts:
        listed = [{"number": c.number, "x": column_sql(c.name, c.kind), "numeric": False, "float": False} for c in texts]
        counts = count_values(session, "counts", where, listed)
        frequencies = session.scratch("frequencies", "multivariate/frequencies", counts=counts)
        rows = session.rows("multivariate/frequency_facts", frequencies=frequencies)
        facts |= {int(r["column_no"]): r for r in rows}
    found: list[dict[str, Any]] = []
    for c in wanted:
        fact = facts.get(c.number)
        if fact is None or fact["mean"] is None or not math.isfinite(float(fact["variance"] or 0.0)):
            continue  # a column without values has no direction
        spread = math.sqrt(float(fact["variance"] or 0.0))
        found.append(
            {
                "number": c.number, "name": c.name, "x": column_sql(c.name, c.kind, c.family), "numeric": c.kind.value in NUMERIC,
                "mean": float(fact["mean"]), "scale": spread or 1.0, "mode": str(fact.get("mode") or ""),
            }
        )  # fmt: skip
    return found, frequencies


def _residual(
    session: Session, listed: Sequence[Mapping[str, Any]], frequencies: Markup | None, where: Slice
) -> tuple[list[list[float]], list[str]]:
    """I - P P' for the fewest main directions P that hold the wanted share of the variance."""
    import numpy as np

    size = len(listed)
    pairs = [(i, j) for i in range(size) for j in range(i, size)]
    row = session.rows(
        "multivariate/products",
        source=where.source,
        filter=where.filter,
        bucket=None,
        columns=listed,
        frequencies=frequencies,
        pairs=pairs,
    )[0]
    matrix = np.zeros((size, size))
    for i, j in pairs:
        matrix[i, j] = matrix[j, i] = float(row[f"s{i}_{j}"] or 0.0)
    values, vectors = np.linalg.eigh(matrix)
    values, vectors = np.maximum(values[::-1], 0.0), vectors[:, ::-1]
    total = float(values.sum())
    if total <= 0.0:
        raise UsageError("No column varies in the reference, so there are no directions.")
    kept = int(np.searchsorted(np.cumsum(values / total), EXPLAINED, side="right")) + 1
    plane = vectors[:, :kept]
    left = np.eye(size) - plane @ plane.T
    return [[float(x) for x in line] for line in left], [str(c["name"]) for c in listed]


def _judged(
    rows: Sequence[Mapping[str, Any]], own: Sequence[Mapping[str, Any]], owner: Library, names: Sequence[str]
) -> tuple[list[Judged], list[Judged]]:
    values = [float(r["mean"]) for r in own]
    mean = sum(values) / len(values)
    wide = MULTIPLIER * math.sqrt(sum((v - mean) ** 2 for v in values) / len(values))
    lower, upper = max(mean - wide, 0.0), mean + wide
    whole = sum(int(r["n"]) for r in own)

    def judged(row: Mapping[str, Any], period: str) -> Judged:
        value, n = float(row["mean"]), int(row["n"])
        summary = Summary(
            "all", None, None, ":table", "table", "", STATISTIC, value, value, value, whole, n, expected=mean
        )
        outside = not lower < value < upper
        verdict = Verdict.ALERT if outside else Verdict.OK
        seen = f"rows lie {sentences.number(value)} deviations off the reference's main directions on average"
        limits = f"{sentences.number(lower)} to {sentences.number(upper)}"
        why = f"The table: {seen} ({sentences.number(mean)} in the reference), {'outside' if outside else 'within'} {limits}."
        source = f"preset {owner.name} ({owner.title}: mean +- 3 deviations of the reference chunks; columns {', '.join(names)})"
        decision = Decision(summary, verdict, verdict, "exact", None, None, None, upper, source, None, why)
        error = None
        if n > 1:
            error = math.sqrt(max(0.0, float(row["square"]) - value * value) * n / (n - 1)) / math.sqrt(n)
        band = (error, None, None) if error is None else (error, max(value - BAND * error, 0.0), value + BAND * error)
        return Judged(decision, int(row["chunk_no"]), period, None, None, lower, band)

    return [judged(r, "analysis") for r in rows], [judged(r, "reference") for r in own]


__all__ = ["STATISTIC", "measure_together"]
