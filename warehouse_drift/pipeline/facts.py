"""What a plan needs to know, read in a few small queries. Nothing is written."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from markupsafe import Markup

from warehouse_drift.config.hashes import definition_hash
from warehouse_drift.config.names import Names
from warehouse_drift.config.resolved import Kind, Relation, ResolvedColumn, ResolvedMonitor, SourceColumn
from warehouse_drift.errors import UsageError
from warehouse_drift.pipeline.columns import KINDS_OF, unsupported
from warehouse_drift.pipeline.sides import respelled
from warehouse_drift.plan.build import baseline_range, looked_at, noise_basis, segment_keys, whole_windows
from warehouse_drift.plan.clock import instant_of, newest_params, range_sql, stray_params
from warehouse_drift.plan.model import Asked, ColumnState, Facts, KnownBaseline, KnownBucket, KnownGrid, KnownWindow
from warehouse_drift.results import read
from warehouse_drift.results.place import prefix_in
from warehouse_drift.results.tables import WHOLE_BASELINE
from warehouse_drift.sql.environment import identifier
from warehouse_drift.sql.expressions import expression, relation
from warehouse_drift.sql.render import render
from warehouse_drift.warehouse.execute import Warehouse
from warehouse_drift.warehouse.introspect import MissingRelation
from warehouse_drift.warehouse.introspect import columns as source_columns

LONG_AGO = datetime(1900, 1, 2)


class BaselineMistake(UsageError):
    """The baseline's relation is not there, or has not what the monitor needs of it."""


@dataclass(frozen=True, slots=True)
class Source:
    """A relation with its WHERE as SQL; ``time`` is the bare timestamp column."""

    relation: Markup
    where: Markup | None
    time: Markup | None


def source_of(warehouse: Warehouse, monitor: ResolvedMonitor) -> Source:
    where = expression(monitor.where, warehouse.dialect, "where") if monitor.where else None
    time = Markup("src.") + identifier(monitor.timestamp.column) if monitor.timestamp else None
    return Source(_relation(monitor.relation, warehouse), where, time)


def baseline_source(warehouse: Warehouse, monitor: ResolvedMonitor) -> Source:
    """The baseline's rows, without its range: ``filtered`` adds that."""
    spec = monitor.baseline
    where = expression(spec.where, warehouse.dialect, "baseline where") if spec.where else None
    time = Markup("src.") + identifier(monitor.timestamp.column) if monitor.timestamp else None
    found = _relation(spec.relation or monitor.relation, warehouse)
    return Source(respelled(found, spec.spelled, warehouse.dialect), where, time)


def _relation(given: Relation, warehouse: Warehouse) -> Markup:
    return relation(f"({given.text})" if given.is_query else given.text, warehouse.dialect)


def filtered(
    monitor: ResolvedMonitor, source: Source, start: datetime | None, end: datetime | None, *more: Markup
) -> Markup | None:
    """The WHERE of a slice: the source's own, and the range on the bare timestamp column."""
    parts = [source.where] if source.where is not None else []
    if monitor.timestamp is not None and source.time is not None and (start is not None or end is not None):
        parts.append(range_sql(monitor.timestamp, source.time, start, end))
    parts += more
    return Markup(" AND ").join(Markup("({})").format(p) for p in parts) if parts else None


def gather(
    warehouse: Warehouse,
    monitor: ResolvedMonitor,
    columns: Sequence[SourceColumn],
    *,
    schema: str,
    has_state: bool,
    now: datetime,
    asked: Asked,
) -> Facts:
    """Facts about one resolved monitor. ``has_state``: whether the result tables exist at all."""
    monitor, before = _with_baseline(warehouse, monitor)
    base = _Base(warehouse, monitor, schema, has_state)
    lost = read.lost(*base.key) if has_state else {}
    asked = asked.with_lost(lost)
    baseline, highest = base.baseline()
    grids = base.grids(baseline)
    monitor = _as_stored(monitor, grids)
    limits = baseline_range(monitor)
    latest = base.latest_bucket(baseline, limits)
    windows = base.newest_windows(baseline)
    # where a comparison begins depends on the oldest row; afterwards only newer rows matter
    begun = not asked.refresh_baseline and {c.name for c in monitor.comparisons} <= {w.comparison for w in windows}
    known = latest if begun and asked.start is None else None
    oldest, newest, null_times, future = _times(warehouse, monitor, now, known)
    first = Facts(
        monitor=monitor,
        now=now,
        definition_hash=definition_hash(monitor),
        baseline=baseline,
        highest_counter=highest,
        grids=grids,
        profiled=base.profiled(baseline),
        oldest=oldest,
        newest=newest,
        null_times=null_times,
        future_rows=future,
        latest_bucket=latest,
        windows=windows,
        snapshot_before=_snapshot_before(base, baseline, now) if monitor.timestamp is None else None,
        states=tuple(_states(monitor, before)),
        lost=lost,
    )
    if baseline is None:
        return first
    since = looked_at(first, asked)
    stuck = {s.name for s in first.states}
    return replace(
        first,
        buckets=base.buckets(baseline, since, [c.name for c in monitor.columns if c.name not in stuck]),
        windows=base.windows(baseline, since),
        stale=base.stale(baseline),
        noise=base.noise(baseline, {n for n, g in grids.items() if g.status == "ok"} - stuck),
    )


def _snapshot_before(base: _Base, baseline: KnownBaseline | None, now: datetime) -> datetime | None:
    """The newest snapshot of an earlier day."""
    today = datetime(now.year, now.month, now.day)
    return base.latest_bucket(baseline, (today, datetime(9999, 1, 1)))


def _times(
    warehouse: Warehouse, monitor: ResolvedMonitor, now: datetime, known: datetime | None
) -> tuple[datetime | None, datetime | None, int, int]:
    """(oldest, newest row, rows without a time, rows in the future). Only rows since the ``known`` bucket are looked at
    where one is given, on the bare column, so that the cost does not grow with history; the oldest is then not known."""
    spec = monitor.timestamp
    if spec is None:
        return now, now, 0, 0
    source = source_of(warehouse, monitor)
    assert source.time is not None
    dialect = warehouse.dialect
    inside = filtered(monitor, source, known, now)
    sql = render("profile/newest", newest_params(spec, source.time, source.relation, inside), dialect).sql
    found = warehouse.fetch(sql, name="newest row")[0]
    sql = render("profile/strays", stray_params(spec, source.time, source.relation, source.where, now), dialect).sql
    strays = warehouse.fetch(sql, name="rows without a usable time")[0]
    nulls = int(strays["null_rows"]) + int(strays["unreadable_rows"])
    future = int(strays["later_rows"])
    if found["last_us"] is None:
        return (LONG_AGO, known, nulls, future) if known is not None else (None, None, nulls, future)
    newest = instant_of(spec, int(found["last_us"]))
    oldest = LONG_AGO if known is not None else instant_of(spec, int(found["first_us"]))
    return oldest, min(newest, now), nulls, future


def _with_baseline(warehouse: Warehouse, monitor: ResolvedMonitor) -> tuple[ResolvedMonitor, Names[SourceColumn] | None]:
    """The monitor with the spellings of its baseline's own relation, and that relation's columns.

    Raises BaselineMistake for a name that may mean several of them, and where the model's columns are not among them.
    """
    if monitor.baseline.relation is None:
        return monitor, None
    found = Names(_baseline_columns(warehouse, monitor))
    wanted = [c.name for c in monitor.columns if not c.expression] + [s.column for s in monitor.segments]
    wanted += [p.name for c in monitor.columns if c.model for p in (c.model.label, c.model.prediction)]
    wanted += [monitor.timestamp.column] if monitor.timestamp and monitor.baseline.start else []
    for name in wanted:
        if found.several(name):
            raise BaselineMistake(found.lack("the column", name, "its baseline"))
    parts = [(k, p.name) for c in monitor.columns if c.model for k, p in (("label", c.model.label), ("prediction", c.model.prediction))]
    lacking = [f"{name!r}, the model's {key}" for key, name in parts if found.find(name) is None]
    if lacking:
        given = "query" if monitor.baseline.relation.is_query else monitor.baseline.relation.text
        raise BaselineMistake(
            f"its baseline {given} has no column {' and no '.join(lacking)}.",
            hint="Add it to the baseline, or take model: out of the monitor.",
        )
    other = {n: c.name for n in wanted if (c := found.find(n)) is not None and c.name != n}
    return replace(monitor, baseline=replace(monitor.baseline, spelled=other)), found


def _as_stored(monitor: ResolvedMonitor, grids: Mapping[str, KnownGrid]) -> ResolvedMonitor:
    """The monitor with its missing columns as the warehouse spelled them while they were there, so that their history
    goes on under one name."""
    stored = Names(grids.values())
    known = {c.name for c in monitor.columns}

    def named(column: ResolvedColumn) -> ResolvedColumn:
        found = stored.find(column.name)
        return column if found is None or found.name in known else replace(column, name=found.name)

    return replace(monitor, missing_columns=tuple(named(c) for c in monitor.missing_columns))


def _states(monitor: ResolvedMonitor, known: Names[SourceColumn] | None) -> list[ColumnState]:
    """Columns that cannot be measured: gone, of a type that has no measure, or unknown to the baseline's relation."""
    states = [ColumnState(c.name, c.kind.value, c.role.value, "column_missing") for c in monitor.missing_columns]
    states += [
        ColumnState(c.name, c.kind.value, c.role.value, "unsupported_type", c.data_type)
        for c in monitor.columns
        if unsupported(c)
    ]
    if known is None:
        return states
    stuck = {s.name for s in states}
    for c in monitor.columns:
        other = known.find(c.name)
        if c.name in stuck or c.expression:
            continue
        if other is None:
            states.append(
                ColumnState(c.name, c.kind.value, c.role.value, "no_baseline", "the baseline has no such column")
            )
        elif not _same_kind(c, other):
            detail = f"it is {other.data_type} in the baseline and {c.data_type} now"
            states.append(ColumnState(c.name, c.kind.value, c.role.value, "type_changed", detail))
    return states


def _baseline_columns(warehouse: Warehouse, monitor: ResolvedMonitor) -> tuple[SourceColumn, ...]:
    given = monitor.baseline.relation
    assert given is not None
    ranged = monitor.timestamp is not None and monitor.baseline.start is not None
    time = monitor.timestamp.column if monitor.timestamp is not None and ranged else None
    try:
        return source_columns(warehouse, _relation(given, warehouse), given.text, time)
    except MissingRelation as error:
        raise BaselineMistake(f"its baseline: {error.message}", hint=error.hint) from error


def _same_kind(column: ResolvedColumn, other: SourceColumn) -> bool:
    if "array" in (column.type_family, other.type_family) and column.kind is not Kind.TEXT:
        return column.type_family == other.type_family
    if column.kind is Kind.TEXT:
        return True
    return other.type_family in KINDS_OF.get(column.kind, ()) and (
        column.kind.value not in ("numeric", "datetime") or KINDS_OF[column.kind] != ()
    )


@dataclass(frozen=True, slots=True)
class _Base:
    """Reads of the result tables; all empty while there are none."""

    warehouse: Warehouse
    monitor: ResolvedMonitor
    schema: str
    has_state: bool

    @property
    def key(self) -> tuple[Warehouse, str, str, str]:
        return self.warehouse, self.schema, self.monitor.project, self.monitor.monitor_id

    def baseline(self) -> tuple[KnownBaseline | None, int]:
        if not self.has_state:
            return None, 0
        wanted = definition_hash(self.monitor)
        rows = [r for r in read.baselines(*self.key) if r["definition_hash"] == wanted]
        if not rows:
            return None, 0
        row = max(rows, key=lambda r: int(r["baseline_counter"]))
        spec = json.loads(row["spec"] or "{}")
        segments = {k: (tuple(v["values"]), bool(v["complete"])) for k, v in spec.get("segments", {}).items()}
        counter = int(row["baseline_counter"])
        return KnownBaseline(row["baseline_version"], counter, int(row["row_count"] or 0), segments), counter

    def grids(self, baseline: KnownBaseline | None) -> dict[str, KnownGrid]:
        if baseline is None:
            return {}
        return {
            name: known_grid(name, row)
            for name, row in read.grids(*self.key, baseline.version).items()
            if name != ":table"
        }

    def profiled(self, baseline: KnownBaseline | None) -> frozenset[str]:
        if baseline is None:
            return frozenset()
        rows = read.units(*self.key, baseline.version, WHOLE_BASELINE, LONG_AGO)
        return frozenset(r["column_name"] for r in rows)

    def latest_bucket(
        self, baseline: KnownBaseline | None, limits: tuple[datetime, datetime] | None
    ) -> datetime | None:
        if baseline is None:
            return None
        params = {
            "s": prefix_in(self.warehouse, self.schema),
            "project": self.monitor.project,
            "monitor": self.monitor.monitor_id,
            "baseline_version": baseline.version,
            "since": LONG_AGO,
            "inside": limits,
        }
        sql = render("results/latest_bucket", params, self.warehouse.dialect).sql
        found = self.warehouse.fetch(sql, name="latest bucket")[0]["latest"]
        return found if found is None else _plain(found)

    def newest_windows(self, baseline: KnownBaseline | None) -> tuple[KnownWindow, ...]:
        """The newest decided window of every comparison."""
        return () if baseline is None else self._windows("results/newest_windows", baseline)

    def stale(self, baseline: KnownBaseline) -> tuple[KnownWindow, ...]:
        return self._windows("results/stale_windows", baseline, config_hash=self.monitor.config_hash)

    def _windows(self, template: str, baseline: KnownBaseline, **more: object) -> tuple[KnownWindow, ...]:
        params = {
            "s": prefix_in(self.warehouse, self.schema),
            "project": self.monitor.project,
            "monitor": self.monitor.monitor_id,
            "baseline_version": baseline.version,
            **more,
        }
        rows = self.warehouse.fetch(render(template, params, self.warehouse.dialect).sql, name=template)
        return tuple(_window(r) for r in rows)

    def windows(self, baseline: KnownBaseline, since: datetime) -> tuple[KnownWindow, ...]:
        rows = read.decided_windows(*self.key, baseline_version=baseline.version, start=since)
        newest = self.newest_windows(baseline)
        found = {(w.comparison, w.start, w.end): w for w in (*newest, *(_window(r) for r in rows))}
        return tuple(found.values())

    def buckets(self, baseline: KnownBaseline, since: datetime, columns: Sequence[str]) -> dict[datetime, KnownBucket]:
        keys = segment_keys(self.monitor, baseline)
        rows = read.bucket_counts(
            *self.key, baseline.version, columns=[*columns, ":table"], segment_keys=keys, start=since
        )
        return {
            _plain(at): KnownBucket(int(r["units"]), int(r["rows_scanned"] or 0), _plain(r["newest_scan"]))
            for at, r in rows.items()
        }

    def noise(self, baseline: KnownBaseline, columns: set[str]) -> frozenset[str]:
        """Comparisons whose noise is stored for all these columns: one that was added later has none until it is measured."""
        found = set()
        wanted = columns & {c.name for c in self.monitor.columns}
        for c in self.monitor.comparisons:
            stored = read.noise(*self.key, c.name, baseline.version, noise_basis(self.monitor, c))
            none = len(whole_windows(self.monitor, c)) < 2  # nothing could be measured
            if stored is not None and (none or wanted <= {column for _, column, _ in stored}):
                found.add(c.name)
        return frozenset(found)


def known_grid(name: str, row: dict[str, object]) -> KnownGrid:
    spec = json.loads(str(row["spec"] or "{}"))
    return KnownGrid(
        column_name=name,
        grid_id=str(row["grid_id"]),
        kind=str(row["column_kind"]),
        type_family=str(spec.get("family", "")),
        status=str(row["status"]),
        signature=str(spec.get("signature", "")),
        spec=json.dumps(spec["grid"]) if spec.get("grid") else "",
        cell_count=int(str(row["cell_count"] or 0)),
        wide=bool(spec.get("wide")),
    )


def _window(row: dict[str, object]) -> KnownWindow:
    start, end, decided = (_plain(row[k]) for k in ("window_start", "window_end", "decided_at"))
    return KnownWindow(str(row["comparison"]), start, end, decided, str(row["config_hash"]))


def _plain(value: object) -> datetime:
    """A timestamp of the result tables (UTC without zone), as a naive datetime; some drivers give text."""
    if isinstance(value, datetime):
        return value.replace(tzinfo=None)
    return datetime.fromisoformat(str(value)).replace(tzinfo=None)
