"""One monitor of a ``Config`` joined with the columns that the warehouse reports.

Pure: nothing is read from the warehouse. Kinds come from data types, thresholds from the most specific place that has
them, baseline dates become UTC instants. What the relation lacks is a ``ColumnProblem`` and the rest is resolved all the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from warehouse_drift.config.checks import merged_timestamp
from warehouse_drift.config.hashes import decisive_hash, definition_hash
from warehouse_drift.config.instants import instant
from warehouse_drift.config.limits import DEFAULT_PRESET, Place, limits, preset_limits, preset_names
from warehouse_drift.config.model import ColumnConfig, Config, MonitorConfig, ThresholdsConfig
from warehouse_drift.config.names import Names
from warehouse_drift.config.performance import model_column, table_limits
from warehouse_drift.config.resolved import (
    KINDS,
    BaselineSpec,
    ComparisonSpec,
    DatasetRule,
    Kind,
    Relation,
    ResolvedColumn,
    ResolvedMonitor,
    Role,
    SegmentSpec,
    SourceColumn,
    TimestampSpec,
)
from warehouse_drift.config.values import matches, usual_k_of_n
from warehouse_drift.config.yaml_lines import Path
from warehouse_drift.errors import Problem
from warehouse_drift.statistics.registry import BY_NAME, TABLE_STATISTICS, names

_ALLOWED = {
    Kind.NUMERIC: ("integer", "decimal", "float", "array"),
    Kind.BOOLEAN: ("boolean", "integer", "decimal", "float", "text"),
    Kind.DATETIME: ("date", "timestamp", "timestamptz"),
    Kind.CATEGORICAL: ("boolean", "integer", "decimal", "float", "text", "date", "timestamp", "timestamptz"),
}
_ADVICE = dict.fromkeys(("array", "nested"), "; a part of it can, in an expression")
_TIMES = ("date", "timestamp", "timestamptz")
_EXPRESSION_FAMILY = {Kind.NUMERIC: "float", Kind.BOOLEAN: "boolean", Kind.DATETIME: "timestamp"}


@dataclass(frozen=True, slots=True)
class ColumnProblem(Problem):
    """A configured column or pattern that the relation does not have: it becomes the decision ``column_missing``, so a
    run goes on; ``check`` shows it. Any other Problem stops the monitor."""


def _is_pattern(text: str) -> bool:
    return any(c in text for c in "*?[/")


def resolve_monitor(
    config: Config, monitor: MonitorConfig, columns: Sequence[SourceColumn]
) -> tuple[ResolvedMonitor, list[Problem]]:
    """The resolved monitor and what is wrong with it. ``columns`` are those of its relation, in order."""
    return _Resolving(config, monitor, columns).monitor()


class _Resolving:
    def __init__(self, config: Config, monitor: MonitorConfig, columns: Sequence[SourceColumn]) -> None:
        self.config, self.given, self.source = config, monitor, tuple(columns)
        self.path = config.path_of(monitor)
        self.names = Names(self.source)
        self.find = self.names.find
        self.problems: list[Problem] = []
        self.timestamp = self._timestamp()
        self.segments = self._segments()
        self.statistics = self._statistics()

    def report(self, path: Path, message: str, kind: type[Problem] = Problem) -> None:
        file, line = self.config.place((*self.path, *path))
        self.problems.append(kind(file, line, message))

    def lack(self, path: Path, what: str, name: str) -> None:
        """A column that is not there is a decision; a name that may mean several columns is a mistake."""
        kind = Problem if self.names.several(name) else ColumnProblem
        self.report(path, self.unknown(what, name), kind)

    def setting(self, name: str, default: Any) -> Any:
        """A key of the monitor, else of the defaults."""
        own = getattr(self.given, name)
        if own not in (None, ()):
            return own
        shared = getattr(self.config.defaults, name)
        return shared if shared not in (None, ()) else default

    def unknown(self, what: str, name: str) -> str:
        return self.names.lack(what, name, self.given.relation or "the query")

    def monitor(self) -> tuple[ResolvedMonitor, list[Problem]]:
        given = self.given
        columns, missing = self._columns()
        if not columns and not missing:
            self.report(("columns",), "no column is left to watch; widen include or take something out of exclude")
        relation = Relation(given.query, True) if given.query else Relation(given.relation or "")
        dataset = self.setting("dataset", None)
        resolved = ResolvedMonitor(
            project=self.config.project,
            name=given.name,
            monitor_id=given.name,
            stable_id=given.id or "",
            relation=relation,
            where=given.where,
            owner=self.setting("owner", ""),
            tags=self.setting("tags", ()),
            timestamp=self.timestamp,
            columns=tuple(columns),
            segments=self.segments,
            baseline=self._baseline(),
            comparisons=self._comparisons(),
            statistics=self.statistics,
            precision=self.setting("precision", "certified"),
            dataset=DatasetRule(dataset.warn, dataset.alert) if dataset else DatasetRule(),
            table_thresholds=table_limits(self._places(None, (), None), given.model),
            adjustment=self.setting("adjustment", "benjamini_hochberg"),
            p_gate=self.setting("p_gate", 0.01),
            refine_budget=self.setting("refine_budget", None),
            config_hash="",
            missing_columns=tuple(missing),
        )
        hashed = decisive_hash(self.config, given, resolved)
        return ResolvedMonitor(
            **{f: getattr(resolved, f) for f in resolved.__slots__} | {"config_hash": hashed}
        ), self.problems

    def _timestamp(self) -> TimestampSpec | None:
        spec = merged_timestamp(self.given, self.config.defaults)
        if spec is None or spec.column is None:
            return None
        column = self.find(spec.column)
        family = column.type_family if column else "timestamp"
        if column is None:
            self.report(("timestamp",), self.unknown("the timestamp column", spec.column))
        elif spec.format is None and family not in _TIMES:
            hint = " If it holds dates as 20250131, add format: yyyymmdd." if family in ("integer", "text") else ""
            self.report(
                ("timestamp",),
                f"the timestamp column {column.name!r} is {column.data_type}, not a date or timestamp.{hint}",
            )
        elif spec.format is not None and family not in ("integer", "text"):
            self.report(
                ("timestamp",),
                f"format: yyyymmdd is for integer and text columns, and {column.name!r} is {column.data_type}; take it out",
            )
        if spec.bucket == "hour" and (family == "date" or spec.format):
            self.report(
                ("timestamp",), f"hours cannot be told apart in {spec.column!r}, which holds dates; use bucket: day"
            )
        return TimestampSpec(
            column=column.name if column else spec.column,
            type_family=family,
            time_zone=spec.time_zone,
            bucket=spec.bucket,
            format=spec.format,
            naive=spec.naive,
            detection_delay=spec.detection_delay,
            late=spec.late,
            week_start=spec.week_start,
        )

    def _segments(self) -> tuple[SegmentSpec, ...]:
        found: list[SegmentSpec] = []
        for i, segment in enumerate(self.given.segments):
            column = self.find(segment.column)
            if column is None:
                self.report(("segments", i), self.unknown("the segment column", segment.column))
            elif column.type_family in ("array", "nested", "binary", "unknown"):
                self.report(
                    ("segments", i),
                    f"the segment column {column.name!r} is {column.data_type}, whose values cannot be named",
                )
            name = column.name if column else segment.column
            if any(f.column == name for f in found):
                self.report(("segments", i), f"the segment {name!r} stands twice; keep one of them")
            found.append(SegmentSpec(name, segment.max_values, segment.min_rows, segment.alert_on))
        return tuple(found)

    def _baseline(self) -> BaselineSpec:
        given = self.given.baseline
        zone = self.timestamp.time_zone if self.timestamp else "UTC"
        start, end = (instant(t, zone) if t is not None else None for t in (given.start, given.end))
        if given.query or given.relation:
            return BaselineSpec(
                Relation(given.query or given.relation or "", bool(given.query)), given.where, start, end
            )
        return BaselineSpec(None, given.where or self.given.where, start, end)

    def _comparisons(self) -> tuple[ComparisonSpec, ...]:
        bucket = self.timestamp.bucket if self.timestamp else "day"
        if not self.given.comparisons:
            name = {"hour": "hourly", "day": "daily", "week": "weekly", "month": "monthly"}[bucket]
            return (ComparisonSpec(name, bucket, "baseline", usual_k_of_n(bucket)),)
        return tuple(
            ComparisonSpec(c.name, c.window, c.against, c.k_of_n or usual_k_of_n(c.window)) for c in self.given.comparisons
        )

    def _statistics(self) -> tuple[str, ...]:
        """The judged defaults, what is listed, and whatever has a limit anywhere; in the registry's order."""
        wanted = set(self.setting("statistics", ()))
        for name in preset_names():
            if name == DEFAULT_PRESET or name in {t.preset for t in self._all_thresholds()}:
                wanted |= {
                    s
                    for kind in (*Kind, "table")
                    for s in preset_limits(name, kind if kind == "table" else Kind(kind).value)
                }
        for thresholds in self._all_thresholds():
            wanted |= {s for s, limit in thresholds.limits.items() if limit is not None}
        return tuple(s for s in names() if s in wanted)

    def _all_thresholds(self) -> list[ThresholdsConfig]:
        found = [self.given.thresholds, self.config.defaults.thresholds]
        found += [r.thresholds for part in (self.given, self.config.defaults) for r in part.roles.values()]
        found += [item.thresholds for _, item in self.given.columns.items()]
        return [t for t in found if t is not None]

    def _columns(self) -> tuple[list[ResolvedColumn], list[ResolvedColumn]]:
        """(columns in the relation's order, then expressions; configured ones that are missing)."""
        given = self.given.columns
        items = list(given.items())
        named = self._named(items)
        held_back = {s.column for s in self.segments} | ({self.timestamp.column} if self.timestamp else set())
        patterns = [i.match for _, i in items if i.match] if given.listed is not None else list(given.include)
        exclude = () if given.listed is not None else given.exclude
        found: list[ResolvedColumn] = []
        for column in self.source:
            own = named.get(column.name)
            if own and own[1].expression:
                continue
            picked = any(self._fits(p, column) for p in patterns) and not any(self._fits(p, column) for p in exclude)
            # overrides settle columns that are included; only a listed name or a literal one in include adds a column
            is_named = own is not None and (
                given.listed is not None or column.name not in held_back or own[1].role is not None
            )
            literal = any(self.find(p) is column for p in patterns)
            if not (
                (is_named and (given.listed is not None or picked))
                or literal
                or (picked and column.name not in held_back)
            ):
                continue
            found.append(self._column(column, own, is_named or literal))
        missing: list[ResolvedColumn] = []
        for path, item in items:
            if item.expression and item.name:
                kind = item.kind or (Kind.TEXT if item.role is Role.IDENTIFIER else Kind.NUMERIC)
                virtual = SourceColumn(item.name, "expression", _EXPRESSION_FAMILY.get(kind, "text"))
                found.append(self._column(virtual, (path, item), True))
            elif item.name and self.find(item.name) is None:
                self.lack(("columns", *path), "the column", item.name)
                missing.append(self._column(SourceColumn(item.name, "", "unknown"), (path, item), True))
        if self.given.model is not None:
            made, whole = model_column(self.given.model, self.find, self.lack, self.report)
            (found if whole else missing).append(made)
        known = {c.name.lower() for c in (*found, *missing)}
        for i, pattern in enumerate(given.include if given.listed is None else ()):
            if pattern == "*" or any(self._fits(pattern, c) for c in self.source):
                continue
            if _is_pattern(pattern):
                self.report(
                    ("columns", "include", i),
                    f"no column of {self.given.relation or 'the query'} matches {pattern!r}.",
                    ColumnProblem,
                )
            elif pattern.lower() not in known:
                self.lack(("columns", "include", i), "the column", pattern)
                missing.append(self._column(SourceColumn(pattern, "", "unknown"), None, True))
        for path, item in items:
            if item.match and not any(matches(item.match, c.name) for c in self.source):
                self.report(
                    ("columns", *path),
                    f"no column of {self.given.relation or 'the query'} matches {item.match!r}.",
                    ColumnProblem,
                )
        return found, missing

    def _named(self, items: Sequence[tuple[Path, ColumnConfig]]) -> dict[str, tuple[Path, ColumnConfig]]:
        """The warehouse's name -> what is said of that column by name."""
        named: dict[str, tuple[Path, ColumnConfig]] = {}
        for path, item in items:
            column = self.find(item.name) if item.name else None
            if column is not None and column.name in named:
                self.report(("columns", *path), f"{item.name!r} is the column {column.name!r} again; keep one of them")
            elif column is not None:
                named[column.name] = (path, item)
        return named

    def _fits(self, pattern: str, column: SourceColumn) -> bool:
        """A name without the signs of a pattern means one column."""
        return self.find(pattern) is column or (_is_pattern(pattern) and matches(pattern, column.name))

    def _column(self, column: SourceColumn, own: tuple[Path, ColumnConfig] | None, named: bool) -> ResolvedColumn:
        matched = [(p, i) for p, i in self.given.columns.items() if i.match and matches(i.match, column.name)][::-1]
        settings = ([own] if own else []) + matched

        def first(key: str) -> Any:
            return next((v for _, item in settings if (v := getattr(item, key)) is not None), None)

        role = first("role") or self._role(column.name)
        kind = self._kind(column, first("kind"), role, settings)
        private = kind is Kind.TEXT or role is Role.IDENTIFIER
        stored = first("store_values")
        places = self._places(own, matched, role)
        measured = [s for s in self.statistics if s in BY_NAME and kind.value in BY_NAME[s].kinds]
        for path, item in settings:
            self._applicable(path, item, column.name, kind)
        return ResolvedColumn(
            name=column.name,
            kind=kind,
            role=role,
            data_type=column.data_type,
            type_family=column.type_family,
            expression=own[1].expression if own else None,
            store_values=stored if stored is not None else not private,
            thresholds=limits(kind.value, places, measured),
            named=named,
        )

    def _role(self, name: str) -> Role:
        if self.timestamp and name == self.timestamp.column:
            return Role.TIMESTAMP
        return Role.SEGMENT if any(s.column == name for s in self.segments) else Role.FEATURE

    def _kind(
        self, column: SourceColumn, kind: Kind | None, role: Role, settings: Sequence[tuple[Path, ColumnConfig]]
    ) -> Kind:
        path: Path = next((p for p, item in settings if item.kind is not None), ())
        if kind is None:
            pattern = next((p for p in self.given.columns.kinds if matches(p, column.name)), None)
            if pattern is not None:
                kind, path = self.given.columns.kinds[pattern], ("kinds", pattern)
        if kind is None:
            return Kind.TEXT if role is Role.IDENTIFIER else KINDS.get(column.type_family, Kind.TEXT)
        if column.data_type not in ("", "expression") and kind in _ALLOWED and column.type_family not in _ALLOWED[kind]:
            self.report(
                ("columns", *path),
                f"the column {column.name!r} is {column.data_type} and cannot be measured as {kind.value}{_ADVICE.get(column.type_family, '')}",
            )
        return kind

    def _applicable(self, path: Path, item: ColumnConfig, name: str, kind: Kind) -> None:
        """Limits given by name for a statistic that the kind does not have are a mistake; a pattern's are not."""
        if item.name is None or item.thresholds is None:
            return
        for statistic in item.thresholds.limits:
            if statistic in TABLE_STATISTICS:
                said = f"{statistic} belongs to the whole table; give its limits in the monitor's thresholds"
            elif kind.value not in BY_NAME[statistic].kinds:
                said = f"{statistic} is not measured on {kind.value} columns, and {name!r} is one"
            else:
                continue
            self.report(("columns", *path, "thresholds", statistic), said)

    def _places(
        self, own: tuple[Path, ColumnConfig] | None, matched: Sequence[tuple[Path, ColumnConfig]], role: Role | None
    ) -> list[Place]:
        found: list[Place] = []
        prefix = (*self.path, "columns")
        for path, item in [*([own] if own else []), *matched]:
            label = f"column {item.name}" if item.name else f"match {item.match}"
            self._place(found, item.thresholds, label, (*prefix, *path, "thresholds"))
        if role is not None:
            for part, above in ((self.given, self.path), (self.config.defaults, ("defaults",))):
                settings = part.roles.get(role)
                self._place(
                    found,
                    settings.thresholds if settings else None,
                    f"role {role.value}",
                    (*above, "roles", role.value, "thresholds"),
                )
        self._place(found, self.given.thresholds, f"monitor {self.given.name}", (*self.path, "thresholds"))
        self._place(found, self.config.defaults.thresholds, "defaults", ("defaults", "thresholds"))
        return found

    def _place(self, found: list[Place], thresholds: ThresholdsConfig | None, label: str, path: Path) -> None:
        if thresholds is not None:
            sources = {s: self.config.source((*path, s)) for s in thresholds.limits}
            found.append(Place(thresholds, label, {"": self.config.source(path), **sources}))


__all__ = ["ColumnProblem", "definition_hash", "resolve_monitor"]
