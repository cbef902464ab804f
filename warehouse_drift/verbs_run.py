"""The verbs around a monitor's run: plan, run, backfill, baseline refresh. They wire the stages and hold no logic."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from warehouse_drift.alerts.stage import tell
from warehouse_drift.config.checks import merged_timestamp
from warehouse_drift.config.instants import instant
from warehouse_drift.config.load import load_config
from warehouse_drift.config.model import Config, MonitorConfig
from warehouse_drift.config.resolve import ColumnProblem, resolve_monitor
from warehouse_drift.config.resolved import ResolvedMonitor, SourceColumn
from warehouse_drift.decisions.sentences import with_config
from warehouse_drift.errors import ConfigError, DriftError, QueryError, UsageError
from warehouse_drift.pipeline.facts import BaselineMistake, gather
from warehouse_drift.pipeline.run import MonitorResult, run_monitor
from warehouse_drift.plan.build import build, naive
from warehouse_drift.plan.model import Asked, MonitorPlan, Plan
from warehouse_drift.reports.headlines import lines
from warehouse_drift.results import migrate, read
from warehouse_drift.results.monitor_views import make_views, view_names
from warehouse_drift.results.rename import carry_over
from warehouse_drift.sql.expressions import relation
from warehouse_drift.warehouse.connect import open_warehouse
from warehouse_drift.warehouse.execute import Warehouse
from warehouse_drift.warehouse.interrupts import interruptible
from warehouse_drift.warehouse.introspect import columns as source_columns

if TYPE_CHECKING:
    from warehouse_drift.verbs_estimate import Meter

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class RunResult:
    """``monitors``: what was done for each; those with ``failed`` could not finish."""

    run_id: str
    monitors: tuple[MonitorResult, ...]
    lines: tuple[str, ...] = ()
    statements: int = 0
    rows_fetched: int = 0

    @property
    def failed(self) -> tuple[MonitorResult, ...]:
        return tuple(m for m in self.monitors if m.failed)

    def reached(self, level: str) -> bool:
        """Whether a decision of this run is at ``level``: warn, alert, no_decision or never. A monitor that never had
        any decision counts as an alert: it watches nothing."""
        levels = {
            "warn": ("warn", "alert"),
            "alert": ("alert",),
            "no_decision": ("warn", "alert", "none"),
            "never": (),
        }[level]
        for m in self.monitors:
            found = {d.verdict.value for w in m.windows for d in w.decisions}
            silent = not m.failed and not m.decided and (bool(m.windows) or not m.has_history)
            if found & set(levels) or (level != "never" and silent):
                return True
        return False


def selected(config: Config, select: Sequence[str], exclude: Sequence[str]) -> list[MonitorConfig]:
    """Monitors by name or ``tag:X``. Raises UsageError for a name that no monitor has."""
    known = {m.name for m in config.monitors}
    tags = {t for m in config.monitors for t in _tags(config, m)}
    for word in (*select, *exclude):
        if word.startswith("tag:"):
            if word[4:] not in tags:
                raise UsageError(
                    f"No monitor has the tag {word[4:]!r}.", hint=f"Tags: {', '.join(sorted(tags)) or 'none'}."
                )
        elif word not in known:
            config.monitor(word)

    def hit(monitor: MonitorConfig, words: Sequence[str]) -> bool:
        return any(w == monitor.name or (w.startswith("tag:") and w[4:] in _tags(config, monitor)) for w in words)

    chosen = [m for m in config.monitors if (not select or hit(m, select)) and not hit(m, exclude)]
    if not chosen:
        raise UsageError("No monitor is left to run.", hint=f"Monitors: {', '.join(sorted(known))}.")
    return chosen


def _tags(config: Config, monitor: MonitorConfig) -> tuple[str, ...]:
    return monitor.tags or config.defaults.tags


def resolved_monitor(
    warehouse: Warehouse, config: Config, given: MonitorConfig
) -> tuple[ResolvedMonitor, tuple[SourceColumn, ...]]:
    """A monitor joined with its relation's columns. Raises ConfigError for what is wrong with it, apart from columns
    that are missing: those are decisions."""
    text = given.relation or f"({given.query})"
    try:
        stamp = merged_timestamp(given, config.defaults)
        columns = source_columns(warehouse, relation(text, warehouse.dialect), text, stamp.column if stamp else None)
    except DriftError as error:
        file, line = config.place(config.path_of(given))
        raise UsageError(f"{file}:{line}: monitor {given.name}: {error}") from error
    resolved, problems = resolve_monitor(config, given, columns)
    real = [p for p in problems if not isinstance(p, ColumnProblem)]
    if real:
        raise ConfigError(real)
    return resolved, columns


def plan_monitor(
    warehouse: Warehouse,
    config: Config,
    given: MonitorConfig,
    *,
    as_of: str | None,
    dates: tuple[str, str] | None = None,
    refresh: bool = False,
    has_state: bool,
) -> MonitorPlan:
    monitor, columns = resolved_monitor(warehouse, config, given)
    zone = monitor.timestamp.time_zone if monitor.timestamp else "UTC"
    now = read.now(warehouse) if as_of is None else _instant(as_of, zone, "--as-of")
    asked = Asked(refresh_baseline=refresh)
    if dates is not None:
        start, end = _instant(dates[0], zone, "--from"), _instant(dates[1], zone, "--to")
        if start >= end:
            raise UsageError(f"--to {dates[1]} is not after --from {dates[0]}.", hint="--to is exclusive.")
        asked = Asked(start, end)
    schema = config.warehouse.result_schema
    try:
        facts = gather(warehouse, monitor, columns, schema=schema, has_state=has_state, now=now, asked=asked)
    except BaselineMistake as error:
        file, line = config.place((*config.path_of(given), "baseline", "relation" if given.baseline.relation else "query"))
        raise UsageError(f"{file}:{line}: monitor {given.name}: {error.message}", hint=error.hint) from error
    return build(facts, asked)


def _instant(text: str, zone: str, option: str) -> datetime:
    try:
        found = naive(instant(text, zone))
    except ValueError as error:
        raise UsageError(f"{option} {text}: {error}.", hint="Write a date, as 2025-05-14.") from error
    assert found is not None
    return found


def make_plan(
    warehouse: Warehouse,
    config: Config,
    *,
    select: Sequence[str] = (),
    exclude: Sequence[str] = (),
    as_of: str | None = None,
    dates: tuple[str, str] | None = None,
    refresh: bool = False,
    meters: dict[str, Meter] | None = None,
) -> Plan:
    """Plans of all selected monitors. A monitor that cannot be planned is listed with a sentence. ``meters`` is filled
    with those of monitors that have a budget, and one that would exceed it is not planned."""
    schema = config.warehouse.result_schema
    has_state = migrate.installed_version(warehouse, schema) > 0
    if has_state:
        migrate.check_version(warehouse, schema)
    monitors, failed = [], []
    for given in selected(config, select, exclude):
        try:
            if meters is not None and (given.budget or config.defaults.budget):
                from warehouse_drift.verbs_estimate import meter

                warehouse.before = meters[given.name] = meter(warehouse, config, given)
            made = plan_monitor(warehouse, config, given, as_of=as_of, dates=dates, refresh=refresh, has_state=has_state)
            if meters is not None and given.name in meters:
                meters[given.name].foresee(made, schema)
            monitors.append(made)
        except DriftError as error:
            failed.append((given.name, _told(error)))
        finally:
            warehouse.before = None
    return Plan(_run_id(read.now(warehouse)), config.project, schema, tuple(monitors), tuple(failed))


def _begin(warehouse: Warehouse, config: Config) -> None:
    warehouse.labelled(project=config.project)
    if config.warehouse.statement_timeout is not None:
        warehouse.limited(max(1, round(config.warehouse.statement_timeout.total_seconds())))


def _run_id(now: datetime) -> str:
    return f"{now:%Y%m%dT%H%M%S}-{secrets.token_hex(4)}"


def plan(
    path: str,
    *,
    select: Sequence[str] = (),
    exclude: Sequence[str] = (),
    as_of: str | None = None,
    target: str | None = None,
    also: Callable[[Warehouse, Config, Plan], None] | None = None,
) -> Plan:
    """What ``run`` would do now. Writes nothing; a read-only connection is enough. ``also`` is called with the open
    warehouse and the plan (to estimate its statements).

    Raises:
        ConfigError, WarehouseError: as ``check``.
    """
    config = load_config(path, target=target)
    with open_warehouse(config.url, read_only=True, roles=config.roles, scratch=False) as warehouse:
        _begin(warehouse, config)
        made = make_plan(warehouse, config, select=select, exclude=exclude, as_of=as_of)
        if also is not None:
            also(warehouse, config, made)
        return made


def run(
    path: str,
    *,
    select: Sequence[str] = (),
    exclude: Sequence[str] = (),
    as_of: str | None = None,
    target: str | None = None,
    threads: int = 0,
    say: Progress | None = None,
) -> RunResult:
    """Profiles what is due, decides, publishes, and tells of incidents. A monitor that fails does not stop the others,
    and a sender that fails stops nothing.

    Raises:
        ConfigError, WarehouseError: when nothing could be begun.
    """
    return _execute(path, say, target, select=select, exclude=exclude, as_of=as_of, threads=threads, tells=True)


def backfill(
    path: str,
    start: str,
    end: str,
    *,
    select: Sequence[str] = (),
    exclude: Sequence[str] = (),
    target: str | None = None,
    say: Progress | None = None,
) -> RunResult:
    """Profiles the buckets of [start, end) again and decides every window that holds one of them."""
    return _execute(path, say, target, select=select, exclude=exclude, dates=(start, end))


def refresh_baseline(
    path: str,
    *,
    select: Sequence[str] = (),
    exclude: Sequence[str] = (),
    target: str | None = None,
    say: Progress | None = None,
) -> RunResult:
    """Takes the baseline anew under the next version: new grids, new noise, and the newest windows judged against it."""
    return _execute(path, say, target, select=select, exclude=exclude, refresh=True)


def _execute(
    path: str,
    say: Progress | None,
    target: str | None,
    *,
    select: Sequence[str],
    exclude: Sequence[str],
    as_of: str | None = None,
    dates: tuple[str, str] | None = None,
    refresh: bool = False,
    threads: int = 0,
    tells: bool = False,
) -> RunResult:
    config = load_config(path, target=target)
    schema = config.warehouse.result_schema
    with open_warehouse(config.url, existing=True, roles=config.roles, result_schema=schema) as warehouse, interruptible(warehouse):
        _begin(warehouse, config)
        if threads and (shape := warehouse.dialect.statements.get("threads")):
            warehouse.set(shape.format(threads=int(threads)), name="threads")
        migrate.create_all(warehouse, config.warehouse.result_schema)
        for given in selected(config, select, exclude):
            if given.id:
                schema = config.warehouse.result_schema
                former = carry_over(warehouse, schema, config.project, given.name, given.id)
                if former:
                    _own_views(warehouse, schema, [former, given.name])
        meters: dict[str, Meter] = {}
        planned = make_plan(
            warehouse, config, select=select, exclude=exclude, as_of=as_of, dates=dates, refresh=refresh, meters=meters
        )
        results = execute(warehouse, planned, say or (lambda _: None), path, meters)
        if tells:
            told = tell(warehouse, config, selected(config, select, exclude), results.run_id, str(path))
            results = replace(results, lines=(*results.lines, *told))
        return replace(results, statements=warehouse.stats.statements, rows_fetched=warehouse.stats.rows_fetched)


def execute(
    warehouse: Warehouse, planned: Plan, say: Progress, config: str, meters: Mapping[str, Meter]
) -> RunResult:
    """Executes a plan, monitor by monitor. ``config`` is what the commands that it proposes name; ``meters`` keep the
    budgets of monitors that have one."""
    results = [MonitorResult(name, failed=why) for name, why in planned.failed]
    said: list[str] = []
    for monitor in planned.monitors:
        try:
            warehouse.labelled(project=planned.project, run_id=planned.run_id, monitor=monitor.monitor.name)
            if (meter := meters.get(monitor.monitor.name)) is not None:
                meter.begin()
            done = run_monitor(warehouse, planned.schema, monitor, planned.run_id, say)
            if not done.has_history:
                said += _own_views(warehouse, planned.schema, [done.name])
            said += lines(warehouse, planned.schema, monitor, done, str(config))
        except DriftError as error:
            done = MonitorResult(monitor.monitor.name, failed=_told(error))
        finally:
            if monitor.monitor.name in meters:
                meters[monitor.monitor.name].end()
        results.append(done)
    said += [w for m in meters.values() for w in m.warnings]
    said += [f"{m.name}  FAILED: {with_config(m.failed, str(config))}" for m in results if m.failed]
    return RunResult(planned.run_id, tuple(results), tuple(said))


def _told(error: DriftError) -> str:
    """A failure in a sentence. What the warehouse refuses is most often something that ``check`` tells the line of."""
    unclear = isinstance(error, QueryError) and not error.hint
    return f"{error} Where it is about a name in the configuration, this says which line: warehouse-drift check" if unclear else str(error)


def _own_views(warehouse: Warehouse, schema: str, monitors: Sequence[str]) -> list[str]:
    """Makes the views that bear these monitors' names. Who may only append to tables that a DBA made is told what to
    ask for: the results are all there without these views."""
    try:
        make_views(warehouse, schema, monitors)
    except DriftError as error:
        return [
            f"{', '.join(monitors)}  its views {' and '.join(view_names(monitors[-1]))} could not be made: {error.message}"
        ]
    return []
