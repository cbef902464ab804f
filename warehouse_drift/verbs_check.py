"""``check``: everything that can be wrong with a configuration, all at once, each with file:line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from warehouse_drift.config.checks import merged_timestamp
from warehouse_drift.config.limits import show_resolved
from warehouse_drift.config.load import load_config
from warehouse_drift.config.model import Config, MonitorConfig
from warehouse_drift.config.names import Names
from warehouse_drift.config.resolve import resolve_monitor
from warehouse_drift.config.resolved import Kind, ResolvedMonitor, SourceColumn
from warehouse_drift.config.yaml_lines import Path
from warehouse_drift.errors import DriftError
from warehouse_drift.pipeline.columns import KINDS_OF
from warehouse_drift.sql.environment import identifier
from warehouse_drift.sql.expressions import expression, relation
from warehouse_drift.sql.render import canonical_text
from warehouse_drift.warehouse.connect import open_warehouse
from warehouse_drift.warehouse.execute import Warehouse
from warehouse_drift.warehouse.introspect import columns as source_columns

Report = Callable[[Path, str], None]


@dataclass(frozen=True, slots=True)
class CheckResult:
    """``monitors``: names that were read; ``problems``: every mistake found, each with file:line; ``limits``: rows of
    (monitor, column, statistic, warn, alert, source)."""

    monitors: tuple[str, ...]
    problems: tuple[str, ...]
    limits: tuple[tuple[str, str, str, float | None, float | None, str], ...]


def check(path: str, *, target: str | None = None) -> CheckResult:
    """Reads the configuration, connects, and looks at every monitor's relations, columns and expressions. Reads no rows
    and writes nothing.

    Raises:
        ConfigError: with all mistakes of the file at once, each with file:line.
        WarehouseError: when the warehouse cannot be reached.
    """
    config = load_config(path, target=target)
    problems: list[str] = []
    limits: list[tuple[str, str, str, float | None, float | None, str]] = []
    with open_warehouse(config.url, read_only=True, roles=config.roles, scratch=False) as warehouse:
        for monitor in config.monitors:
            resolved, found = check_monitor(warehouse, config, monitor)
            problems += found
            if resolved is not None:
                limits += [(monitor.name, *row) for row in show_resolved(resolved)]
    return CheckResult(tuple(m.name for m in config.monitors), tuple(problems), tuple(limits))


def check_monitor(
    warehouse: Warehouse, config: Config, monitor: MonitorConfig
) -> tuple[ResolvedMonitor | None, list[str]]:
    """The monitor joined with its columns (None when its relation cannot be read), and its mistakes in order."""
    problems: list[str] = []

    def report(inner: Path, message: str) -> None:
        file, line = config.place((*config.path_of(monitor), *inner))
        problems.append(f"{file}:{line}: {message}")

    key = "relation" if monitor.relation else "query"
    stamp = merged_timestamp(monitor, config.defaults)
    time = stamp.column if stamp else None
    own = time if monitor.baseline.start or monitor.baseline.end else None  # the baseline's relation may lack it otherwise
    source, found = _columns(warehouse, monitor.relation, monitor.query, report, (key,), f"monitor {monitor.name}", time)
    if source is None:
        return None, problems
    resolved, wrong = resolve_monitor(config, monitor, found)
    problems += [str(p) for p in wrong]
    base, base_columns = _baseline(warehouse, monitor, resolved, source, found, report, own)
    _condition(warehouse, source, monitor.where, ("where",), report, time)
    if base is not None:
        _condition(warehouse, base, monitor.baseline.where, ("baseline", "where"), report, own)
    kinds = {c.name: c.kind for c in resolved.columns}
    for inner, item in monitor.columns.items():
        if item.name and item.expression:
            place = ("columns", *inner, "expression")
            _measure(warehouse, source, item.name, item.expression, kinds.get(item.name), place, report, time)
            if base is not None and base != source and base_columns:
                _probe(
                    warehouse,
                    base,
                    item.expression,
                    f"the expression of {item.name!r}, in the baseline,",
                    place,
                    report,
                    own,
                )
    return resolved, problems


def _baseline(
    warehouse: Warehouse,
    monitor: MonitorConfig,
    resolved: ResolvedMonitor,
    source: Markup,
    columns: Sequence[SourceColumn],
    report: Report,
    time: str | None,
) -> tuple[Markup | None, Sequence[SourceColumn]]:
    """The baseline's relation; one of its own must have what the monitor names."""
    given = monitor.baseline
    if not given.relation and not given.query:
        return source, columns
    key = "relation" if given.relation else "query"
    base, found = _columns(warehouse, given.relation, given.query, report, ("baseline", key), "baseline", time)
    if base is None:
        return None, ()
    names = Names(found)
    wanted = [c.name for c in resolved.columns if c.named and not c.expression]
    wanted += [n.name for c in resolved.columns if c.model for n in (c.model.label, c.model.prediction)]
    if resolved.timestamp is not None and (given.start or given.end):
        wanted.append(resolved.timestamp.column)
    for name in (n for n in wanted if names.several(n)):
        report(("baseline", key), names.lack("the column", name, f"the baseline {given.relation or 'query'}"))
    lacking = [repr(n) for n in wanted if names.find(n) is None and not names.several(n)]
    if lacking:
        listed = f"{', '.join(lacking[:8])}{', ...' if len(lacking) > 8 else ''}"
        report(("baseline", key), f"the baseline {given.relation or 'query'} has no column {listed}")
    return base, found


def _columns(
    warehouse: Warehouse, name: str | None, query: str | None, report: Report, path: Path, what: str, time: str | None
) -> tuple[Markup | None, Sequence[SourceColumn]]:
    text = name or f"({query})"
    try:
        source = relation(text, warehouse.dialect)
        return source, source_columns(warehouse, source, text, time)
    except DriftError as error:
        report(path, f"{what}: {error}")
        return None, ()


def _condition(
    warehouse: Warehouse, source: Markup, text: str | None, path: Path, report: Report, time: str | None
) -> None:
    if text is None:
        return
    found = _probe(warehouse, source, text, f"{path[-1]} {text!r}", path, report, time)
    if found is not None and found.type_family not in ("boolean", "unknown"):
        report(path, f"{path[-1]} {text!r} gives {found.data_type}, not true or false; write a comparison")


def _measure(
    warehouse: Warehouse, source: Markup, name: str, text: str, kind: Kind | None, path: Path, report: Report, time: str | None
) -> None:
    found = _probe(warehouse, source, text, f"the expression of {name!r}", path, report, time)
    allowed = KINDS_OF.get(kind, ()) if kind is not None else ()
    if found is not None and allowed and found.type_family not in (*allowed, "unknown"):
        shown = kind.value if kind is not None else ""
        report(path, f"the expression of {name!r} gives {found.data_type}, which cannot be measured as {shown}")


def _probe(
    warehouse: Warehouse, source: Markup, text: str, what: str, path: Path, report: Report, time: str | None
) -> SourceColumn | None:
    """The type that the engine gives an expression; None, and a report, when it refuses it."""
    try:
        x = expression(text, warehouse.dialect)
        filtered = identifier(time) if time and warehouse.dialect.partition_filters else None
        probe = Markup(canonical_text("warehouse/probe", {"source": source, "x": x, "time": filtered}))
        return source_columns(warehouse, probe, text)[0]
    except DriftError as error:
        report(path, f"{what} cannot be used: {error.message.split(' cannot be run: ', 1)[-1]}")
        return None
