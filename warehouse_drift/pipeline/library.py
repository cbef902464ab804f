"""``compare`` as another library does it: its tests on each column, its bins, its chunks. Exact, from both sides' values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from markupsafe import Markup

from warehouse_drift.config.resolved import Kind
from warehouse_drift.decisions.library import Library, LibraryTest, chunk_limits, judge, knows, share_band
from warehouse_drift.decisions.model import Decision, Summary
from warehouse_drift.errors import UsageError
from warehouse_drift.pipeline.compare import column_sql, numeric_columns
from warehouse_drift.pipeline.grids import Slice
from warehouse_drift.pipeline.session import Session
from warehouse_drift.pipeline.sides import ComparedColumn, Sides, both_sides
from warehouse_drift.pipeline.values import Values, read_values, value_summaries
from warehouse_drift.sql.environment import identifier
from warehouse_drift.sql.render import canonical_text
from warehouse_drift.statistics.registry import BY_NAME, CATEGORICAL
from warehouse_drift.warehouse.execute import Warehouse


@dataclass(frozen=True, slots=True)
class Chunks:
    """How rows are cut: by ``order_by``, into ``size`` rows each (or the library's number of chunks when None)."""

    order_by: str | None = None
    size: int | None = None
    number: int | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """A decision with its chunk (None when the whole current side is one) and the names of its bins."""

    decision: Decision
    chunk: int | None
    period: str
    binning: str | None
    zero_shares: str | None
    lower_limit: float | None = None
    band: tuple[float | None, float | None, float | None] = (None, None, None)
    """(sampling error, lower and upper end of what the value may be by chance), where it is known"""


@dataclass(frozen=True, slots=True)
class LibraryComparison:
    """``judged``: current side; ``own``: the reference's own chunks, where the library has them."""

    columns: tuple[ComparedColumn, ...]
    judged: tuple[Judged, ...]
    own: tuple[Judged, ...]


def compare_as(
    warehouse: Warehouse,
    reference: str,
    current: str,
    owner: Library,
    *,
    columns: Sequence[str] | None = None,
    statistics: Sequence[str] | None = None,
    chunks: Chunks | None = None,
) -> LibraryComparison:
    """What ``owner`` says about ``current`` against ``reference``.

    Raises UsageError for a statistic that it does not have, and when it cuts rows into chunks but nothing orders them.
    """
    knows(owner, statistics or ())
    chunks = chunks or Chunks()
    sides_of = both_sides(warehouse, reference, current)
    ref, cur = sides_of.reference, sides_of.current
    order = order_of(sides_of, chunks) if owner.chunks else None
    others = [c for c in sides_of.wanted(columns) if c.name != (order.name if order else None)]
    # libraries have nothing to say of a column without a measure
    wanted = [replace(c, problem=c.problem or "unsupported_type") if c.kind is Kind.TEXT else c for c in others]
    usable = [c for c in wanted if c.problem is None]
    numeric = numeric_columns(usable)
    texts = [(c.number, column_sql(c.name, c.kind)) for c in usable if c.kind.value in CATEGORICAL]
    if not numeric and not texts:
        return LibraryComparison(tuple(wanted), (), ())
    with Session(warehouse) as session:
        now = Slice(cur)
        if order is not None:
            now = chunked(session, cur, order, chunks, owner)
        data = read_values(session, numeric, texts, Slice(ref), now, drop_infinite=owner.drop_infinite)
        tests = _choose(data, usable, owner, statistics)
        rows = _measure(session, data, tests)
        own: list[dict[str, Any]] = []
        if order is not None:
            base = read_values(
                session, numeric, texts, Slice(ref), chunked(session, ref, order, chunks, owner),
                drop_infinite=owner.drop_infinite, leave_out=owner.leave_one_out,
            )  # fmt: skip
            own = _measure(session, base, tests)
    by_number = {c.number: c for c in usable}
    limits = {
        (number, test.statistic): chunk_limits(test, _values_of(own, number, test.statistic))
        for number, some in tests.items()
        for test in some
    }
    shares = {c.number: _share_of(own, c.number) for c in usable} if order is not None else {}
    sides = []
    for some_rows, period in ((rows, "analysis" if order else "current"), (own, "reference")):
        sides.append(
            tuple(
                _judge(r, by_number, tests, limits, owner, period, shares, in_chunks=order is not None)
                for r in some_rows
            )
        )
    return LibraryComparison(tuple(wanted), sides[0], sides[1])


def order_of(sides: Sides, chunks: Chunks) -> ComparedColumn:
    """The column that orders rows: the one named, else the only date or timestamp that both sides have."""
    if chunks.order_by is not None:
        return sides.find(chunks.order_by, "the column to order by")
    times = [c for c in sides.columns if c.kind is Kind.DATETIME and c.problem is None]
    if len(times) == 1:
        return times[0]
    raise UsageError(
        "This preset cuts the rows into chunks, and nothing says in which order they come.",
        hint="Name the column with --order-by (a timestamp, or a row number).",
    )


def chunked(session: Session, source: Markup, order: ComparedColumn, chunks: Chunks, owner: Library) -> Slice:
    rows = int(session.rows("profile/row_count", source=source, filter=None)[0]["row_count"])
    size = chunks.size or max(1, rows // (chunks.number or owner.chunks))
    column = Markup("src.") + identifier(order.name)
    text = canonical_text("profile/chunked", {"source": source, "order": column, "size": size}, session.dialect)
    return Slice(Markup("(") + Markup(text) + Markup(")"), bucket=Markup("src.wd_chunk"))


def _choose(
    data: Values, columns: Sequence[ComparedColumn], owner: Library, asked: Sequence[str] | None
) -> dict[int, tuple[LibraryTest, ...]]:
    """Column number -> its tests, from the first pair's facts."""
    found = {}
    for c in columns:
        facts = data.facts.get((0, c.number))
        if facts is not None:
            found[c.number] = owner.chosen(c.kind.value, int(facts["m_r"]), int(facts["distinct_both"]), asked)
    return found


def _measure(session: Session, data: Values, tests: Mapping[int, Sequence[LibraryTest]]) -> list[dict[str, Any]]:
    """One row per (pair, column, test): a statement for every statistic and choice of bins that occurs."""
    groups: dict[tuple[str, ...], tuple[LibraryTest, dict[str, set[int]]]] = {}
    for number, some in tests.items():
        for t in some:
            binned = BY_NAME[t.statistic].source == "bins"
            key = (repr(t.bins), t.zero_shares) if binned else ("",)
            groups.setdefault(key, (t, {}))[1].setdefault(t.statistic, set()).add(number)
    rows = []
    for test, by_statistic in groups.values():
        only = set().union(*by_statistic.values())
        for row in value_summaries(session, data, list(by_statistic), test.bins, test.zero_shares, only=only):
            if int(row["column_no"]) in by_statistic[row["statistic"]]:
                rows.append(row)
    return sorted(rows, key=lambda r: (int(r["pair_no"]), int(r["column_no"]), r["statistic"]))


def _values_of(rows: Sequence[dict[str, Any]], number: int, statistic: str) -> list[float]:
    return [
        r["value"]
        for r in rows
        if int(r["column_no"]) == number and r["statistic"] == statistic and r["value"] is not None
    ]


def _judge(
    row: dict[str, Any],
    columns: Mapping[int, ComparedColumn],
    tests: Mapping[int, Sequence[LibraryTest]],
    limits: Mapping[tuple[int, str], tuple[float | None, float | None]],
    owner: Library,
    period: str,
    shares: Mapping[int, float | None],
    *,
    in_chunks: bool,
) -> Judged:
    number, statistic = int(row["column_no"]), row["statistic"]
    column = columns[number]
    summary = Summary(
        "all", None, None, column.name, column.kind.value, "feature", statistic, row["value"], row["value_lower"],
        row["value_upper"], row["n_reference"], row["n_current"], row["test_value"], row["test_df"], row["expected"],
        row["bins"], row["reason_code"],
    )  # fmt: skip
    test = next(t for t in tests[number] if t.statistic == statistic)
    lower = limits[number, statistic][0]
    decision = judge(owner, test, summary, limits[number, statistic])
    chunk = int(row["pair_no"]) if in_chunks else None
    band = share_band(summary, shares.get(number)) if statistic == "missing_rate" else (None, None, None)
    return Judged(decision, chunk, period, row.get("binning"), row.get("zero_shares"), lower, band)


def _share_of(own: Sequence[dict[str, Any]], number: int) -> float | None:
    """The share of missing values in all of the reference, from its chunks."""
    mine = [
        r for r in own if int(r["column_no"]) == number and r["statistic"] == "missing_rate" and r["value"] is not None
    ]
    rows = sum(r["n_current"] for r in mine)
    return sum(r["value"] * r["n_current"] for r in mine) / rows if rows else None
