"""Rules between keys: what each key allows alone but the monitor as a whole does not. Pure but for the SQL parser."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime
from pathlib import Path as FilePath
from typing import TYPE_CHECKING

from warehouse_drift.config.alerts import AlertsConfig, OnAlertConfig
from warehouse_drift.config.instants import instant
from warehouse_drift.config.model import (
    BaselineConfig,
    BudgetConfig,
    DefaultsConfig,
    MonitorConfig,
    ThresholdsConfig,
    TimestampConfig,
    WarehouseConfig,
)
from warehouse_drift.config.values import WINDOWS, matches, with_nearest
from warehouse_drift.config.yaml_lines import Path
from warehouse_drift.errors import DriftError, UsageError
from warehouse_drift.statistics.registry import ERRORS, OUTCOMES, PERFORMANCE

if TYPE_CHECKING:
    from warehouse_drift.sql.dialect import Dialect

Found = Iterator[tuple[Path, str]]


def sql_dialect(url: str) -> Dialect | str:
    """The dialect of a URL, or a sentence why there is none."""
    from warehouse_drift.sql.dialect import dialect_for_url

    if "://" not in url:
        return "url: this is not a database URL; example: duckdb:///shop.duckdb"
    try:
        return dialect_for_url(url)
    except DriftError as error:
        return f"url: {error}"


def beside(url: str, folder: FilePath) -> str:
    """A relative path of an embedded database counts from ``folder``, that of the configuration, wherever the command
    is run: a scheduler's folder would hold a new, empty database otherwise."""
    dialect = sql_dialect(url)
    scheme, found, rest = url.partition(":///")
    file, mark, options = rest.partition("?")
    if isinstance(dialect, str) or not dialect.canonical or not found or not file:
        return url
    if file.startswith((":memory:", "md:", "motherduck:")) or FilePath(file).is_absolute() or folder.resolve() == FilePath.cwd():
        return url
    return f"{scheme}:///{folder.resolve() / file}{mark}{options}"


def warehouse_problems(warehouse: WarehouseConfig) -> Found:
    if warehouse.url and warehouse.dbt_profile:
        yield ("dbt_profile",), "warehouse has both url and dbt_profile; keep one of them"
    if not warehouse.url and not warehouse.dbt_profile:
        yield (), "warehouse needs a url, as duckdb:///shop.duckdb, or a dbt_profile"
    if warehouse.target and not warehouse.dbt_profile:
        yield ("target",), "target belongs to a dbt_profile, and there is none"
    if bool(warehouse.role) != bool(warehouse.results and warehouse.results.role):
        yield (), "warehouse.role (who reads) and warehouse.results.role (who writes) go together; give both or none"
    if warehouse.password and warehouse.token:
        yield ("token",), "warehouse has both password and token; keep one of them"


def alerts_problems(alerts: AlertsConfig) -> Found:
    """(path below ``alerts``, sentence). Never shows an address: it is a secret."""
    names: list[str] = []
    for i, sender in enumerate(alerts.senders):
        at: Path = ("senders", i)
        if (sender.apprise is None) == (sender.webhook is None):
            yield at, f"the sender {sender.name} needs either apprise or webhook"
        if sender.webhook and not sender.webhook.get_secret_value().lower().startswith(("http://", "https://")):
            yield (*at, "webhook"), f"the webhook of {sender.name} must begin with https:// or http://"
        if sender.headers and not sender.webhook:
            yield (*at, "headers"), "headers belong to a webhook"
        if sender.name in names:
            yield (*at, "name"), f"the sender {sender.name!r} is there already; choose another name"
        names.append(sender.name)
    for i, route in enumerate(alerts.routes):
        for name in route.to:
            if name not in names:
                yield ("routes", i, "to"), with_nearest(f"there is no sender {name!r}", name, names or ["none"])
    quiet = alerts.quiet_hours
    if quiet and quiet.start == quiet.end:
        yield ("quiet_hours",), "quiet_hours that begin and end at the same time are no hours at all"


def hook_problems(hook: OnAlertConfig | None) -> Found:
    """(path below the monitor or defaults, sentence)."""
    if hook is None:
        return
    if bool(hook.command) == (hook.webhook is not None):
        yield ("on_alert",), "on_alert needs either a command or a webhook"
    if hook.webhook and not hook.webhook.get_secret_value().lower().startswith(("http://", "https://")):
        yield ("on_alert", "webhook"), "the webhook of on_alert must begin with https:// or http://"


def merged_timestamp(monitor: MonitorConfig, defaults: DefaultsConfig) -> TimestampConfig | None:
    """The monitor's timestamp with what the defaults add; None (a snapshot) if the monitor has none."""
    if monitor.timestamp is None:
        return None
    if defaults.timestamp is None:
        return monitor.timestamp
    own = {name: getattr(monitor.timestamp, name) for name in monitor.timestamp.model_fields_set}
    return defaults.timestamp.model_copy(update=own)


def monitor_problems(
    monitor: MonitorConfig, defaults: DefaultsConfig, dialect: Dialect | None, unread: Collection[str] = ()
) -> Found:
    """(path below the monitor, sentence) of every broken rule. ``unread``: keys that are there in a form that was reported
    and taken out, so that nothing is said of their absence."""
    yield from _source(monitor)
    yield from hook_problems(monitor.on_alert)
    timestamp = merged_timestamp(monitor, defaults)
    if timestamp and timestamp.column is None:
        yield ("timestamp",), "timestamp needs the name of a column"
    yield from _columns(monitor)
    yield from _segments(monitor)
    yield from _baseline(monitor.baseline, timestamp, "timestamp" in unread)
    yield from _comparisons(monitor, timestamp)
    yield from _budget(monitor.budget)
    yield from _limits(("thresholds",), monitor.thresholds)
    yield from _metrics(monitor)
    for role, settings in monitor.roles.items():
        yield from _limits(("roles", role.value, "thresholds"), settings.thresholds)
    if monitor.dataset and None not in (monitor.dataset.warn, monitor.dataset.alert):
        assert monitor.dataset.warn is not None and monitor.dataset.alert is not None
        if monitor.dataset.warn > monitor.dataset.alert:
            yield ("dataset",), "dataset: warn is above alert; exchange them"
    if dialect is not None:
        yield from _sql(monitor, dialect)


def defaults_problems(defaults: DefaultsConfig) -> Found:
    yield from hook_problems(defaults.on_alert)
    yield from _budget(defaults.budget)
    yield from _limits(("thresholds",), defaults.thresholds)
    for role, settings in defaults.roles.items():
        yield from _limits(("roles", role.value, "thresholds"), settings.thresholds)


def _metrics(monitor: MonitorConfig) -> Found:
    """Limits of a model's metrics that no model has."""
    task = monitor.model.task if monitor.model else None
    known = {"classification": OUTCOMES, "regression": ERRORS}.get(task or "", ())
    for statistic in monitor.thresholds.limits if monitor.thresholds else ():
        if statistic in PERFORMANCE and statistic not in known:
            what = f"a {task} has {', '.join(known)}" if known else "there is no model: label, prediction and task"
            yield ("thresholds", statistic), f"{statistic} belongs to a model's performance, and {what}"


def _budget(budget: BudgetConfig | None) -> Found:
    if budget is not None and budget.bytes is None and budget.rows is None:
        yield ("budget",), "a budget needs bytes or rows, as {bytes: 50 GB}"


def _source(monitor: MonitorConfig) -> Found:
    if monitor.relation and monitor.query:
        yield ("query",), "the monitor has both relation and query; keep one of them"
    if not monitor.relation and not monitor.query:
        yield (), f"the monitor {monitor.name!r} needs a relation (schema.table) or a query"


def _columns(monitor: MonitorConfig) -> Found:
    seen: dict[str, Path] = {}
    for inner, item in monitor.columns.items():
        path: Path = ("columns", *inner)
        if (item.name is None) == (item.match is None):
            yield path, "a column needs either name or match"
        if item.match and item.expression:
            yield (*path, "expression"), "an expression needs a name, not a match"
        if item.name:
            if item.name in seen:  # names that differ in case may be two columns: config.resolve knows
                yield path, f"the column {item.name!r} stands twice; keep one of them"
            seen[item.name] = path
        yield from _limits((*path, "thresholds"), item.thresholds)


def _segments(monitor: MonitorConfig) -> Found:
    seen: set[str] = set()
    for i, segment in enumerate(monitor.segments):
        if segment.column in seen:
            yield ("segments", i), f"the segment {segment.column!r} stands twice; keep one of them"
        seen.add(segment.column)
        if len(segment.alert_on) > segment.max_values:
            yield (
                ("segments", i),
                f"alert_on names {len(segment.alert_on)} values, but max_values is {segment.max_values}",
            )
    for i, segment in enumerate(monitor.segments):
        settings = [s for _, s in monitor.columns.items() if s.store_values is not None]
        named = [s for s in settings if s.name and s.name.lower() == segment.column.lower()]
        matched = [s for s in settings if s.match and matches(s.match, segment.column)][::-1]
        if any(not s.store_values for s in (named or matched)[:1]):
            yield ("segments", i), (
                f"the column {segment.column} has store_values: false, but the names of segments are its values, which are"
                " stored and shown; take it out of segments, or let its values be stored"
            )


def _baseline(baseline: BaselineConfig, timestamp: TimestampConfig | None, unread: bool) -> Found:
    path: Path = ("baseline",)
    own = not baseline.relation and not baseline.query
    if baseline.relation and baseline.query:
        yield (*path, "query"), "the baseline has both relation and query; keep one of them"
    if (baseline.start is None) != (baseline.end is None):
        yield (
            path,
            f"the baseline has a {'from' if baseline.start else 'to'} but no {'to' if baseline.start else 'from'}",
        )
    elif baseline.start is None and own:
        yield path, "the baseline needs a range {from: ..., to: ...}, or another relation or query"
    if timestamp is None and not unread and (baseline.start or baseline.end):
        yield path, "a baseline with from and to needs the monitor's timestamp"
    zone = timestamp.time_zone if timestamp else "UTC"
    ends: list[datetime] = []
    for key, value in (("from", baseline.start), ("to", baseline.end)):
        if value is not None:
            try:
                ends.append(instant(value, zone))
            except ValueError as error:
                yield (*path, key), f"baseline.{key}: {error}"
    if len(ends) == 2 and ends[0] >= ends[1]:
        yield (*path, "to"), f"the baseline ends ({baseline.end}) before it begins ({baseline.start}); to is exclusive"


def _comparisons(monitor: MonitorConfig, timestamp: TimestampConfig | None) -> Found:
    seen: set[str] = set()
    for i, comparison in enumerate(monitor.comparisons):
        path: Path = ("comparisons", i)
        if comparison.name in seen:
            yield (*path, "name"), f"the comparison {comparison.name!r} stands twice; every one needs a name of its own"
        seen.add(comparison.name)
        bucket = timestamp.bucket if timestamp else None
        if bucket and not whole(comparison.window, bucket):
            yield (
                (*path, "window"),
                f"a {comparison.window} is not made of whole {bucket} buckets; use a longer window or a shorter bucket",
            )


def whole(window: str, bucket: str) -> bool:
    """Whether a window is a set of whole buckets: weeks do not make months."""
    return WINDOWS.index(bucket) <= WINDOWS.index(window) and (window, bucket) != ("month", "week")


def _limits(path: Path, thresholds: ThresholdsConfig | None) -> Found:
    if thresholds is None:
        return
    if thresholds.preset not in (None, "auto"):
        from warehouse_drift.config.limits import preset_names

        if thresholds.preset not in preset_names():
            yield (
                path,
                with_nearest(f"there is no preset {thresholds.preset!r}", thresholds.preset, ["auto", *preset_names()]),
            )
    for statistic, limit in thresholds.limits.items():
        if limit and limit.warn is not None and limit.alert is not None and limit.warn > limit.alert:
            yield (*path, statistic), f"{statistic}: warn {limit.warn:g} is above alert {limit.alert:g}; exchange them"
        if limit and limit.warn is None and limit.alert is None and limit.auto is None:
            yield (
                (*path, statistic),
                f"{statistic}: neither warn nor alert is given; give one, or null to leave it unjudged",
            )


def _sql(monitor: MonitorConfig, dialect: Dialect) -> Found:
    """Text that is SQL must be one expression, one table name or one SELECT in the warehouse's dialect."""
    from warehouse_drift.sql.expressions import expression, relation

    texts: list[tuple[Path, str | None, bool]] = [
        (("where",), monitor.where, True),
        (("baseline", "where"), monitor.baseline.where, True),
        (("relation",), monitor.relation, False),
        (("query",), monitor.query, False),
        (("baseline", "relation"), monitor.baseline.relation, False),
        (("baseline", "query"), monitor.baseline.query, False),
    ]
    texts += [(("columns", *inner, "expression"), item.expression, True) for inner, item in monitor.columns.items()]
    for path, text, scalar in texts:
        if text is None or text.startswith("ref("):
            continue
        try:
            if scalar:
                expression(text, dialect, str(path[-1]))
            else:
                is_select = text.lstrip("( \n").upper().startswith(("SELECT", "WITH"))
                if is_select != (path[-1] == "query"):
                    wanted = (
                        "query takes a SELECT"
                        if path[-1] == "query"
                        else "relation takes a table name; use query: for a SELECT"
                    )
                    yield path, f"{path[-1]}: {wanted}"
                else:
                    relation(text, dialect)
        except UsageError as error:
            yield path, str(error)
