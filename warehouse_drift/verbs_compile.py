"""The verb ``compile``: every statement of a monitor for any dialect, offline, each with a header that says what it is.

The statements are those of a first run, written down instead of sent. What only the data can tell is a placeholder: the
range of a numeric column is [0, 1), a segment has two values.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from warehouse_drift.config.hashes import definition_hash
from warehouse_drift.config.load import load_config
from warehouse_drift.config.model import Config, MonitorConfig
from warehouse_drift.config.resolve import ColumnProblem, resolve_monitor
from warehouse_drift.config.resolved import Kind, ResolvedMonitor, SourceColumn
from warehouse_drift.errors import ConfigError, UsageError
from warehouse_drift.grid.fit import pilot_grid, resolution
from warehouse_drift.pipeline.columns import Measured, measure
from warehouse_drift.pipeline.run import run_monitor
from warehouse_drift.plan.build import baseline_range, build, signature, window_unit, zone_of
from warehouse_drift.plan.calendar import span_at
from warehouse_drift.plan.model import Facts, MonitorPlan
from warehouse_drift.results import migrate
from warehouse_drift.sql.dialect import dialect_for_url, load_dialect
from warehouse_drift.sql.render import header
from warehouse_drift.verbs_run import resolved_monitor, selected
from warehouse_drift.warehouse.connect import open_warehouse
from warehouse_drift.warehouse.record import Recorded, Recorder

ROWS = 1_000_000
_FAMILY = {
    Kind.NUMERIC: ("DOUBLE", "float"),
    Kind.BOOLEAN: ("BOOLEAN", "boolean"),
    Kind.DATETIME: ("TIMESTAMP", "timestamp"),
    Kind.CATEGORICAL: ("VARCHAR", "text"),
    Kind.TEXT: ("VARCHAR", "text"),
}


@dataclass(frozen=True, slots=True)
class Compiled:
    """One statement with its header, ready to be run by hand."""

    monitor: str
    number: int
    name: str
    text: str

    @property
    def file_name(self) -> str:
        word = re.sub(r"[^a-z0-9]+", "_", self.name.lower()).strip("_")
        return f"{self.number:03d}_{word}.sql"


def compile_monitors(
    path: str,
    *,
    dialect: str | None = None,
    select: Sequence[str] = (),
    exclude: Sequence[str] = (),
    introspect: bool = False,
    target: str | None = None,
) -> tuple[Compiled, ...]:
    """All statements of the selected monitors.

    Args:
        dialect: name of a dialect; default: the one of the configuration's URL.
        introspect: read the columns from the warehouse; without it nothing is connected to, and the columns are those
            that the configuration names (kind: numeric unless it says otherwise).

    Raises:
        UsageError: when a monitor names no columns and ``introspect`` is off.
    """
    config = load_config(path, target=target)
    wanted = load_dialect(dialect) if dialect else dialect_for_url(config.url)
    found: list[Compiled] = []
    for given in selected(config, select, exclude):
        if introspect:
            with open_warehouse(config.url, read_only=True, roles=config.roles, scratch=False) as warehouse:
                monitor, _ = resolved_monitor(warehouse, config, given)
        else:
            monitor = _offline(config, given)
        plan, now = _plan(monitor)
        recorder = Recorder(wanted, placeholder_answers(plan, measure(monitor.columns, wanted, plan.measured)), now)

        def say(step: str, recorder: Recorder = recorder) -> None:
            recorder.step = step.split(": ", 1)[-1]

        run_monitor(recorder, config.warehouse.result_schema, plan, "<run_id>", say)
        found += _with_headers(monitor.name, wanted.name, recorder.statements)
    return tuple(found)


def ddl(path: str | None, dialect: str | None, schema: str | None = None, target: str | None = None) -> str:
    """The result tables and views as a script for a DBA. Needs no connection."""
    monitors: list[tuple[str, str]] = []
    if path is not None and (dialect is None or schema is None):
        config = load_config(path, target=target)
        schema = schema or config.warehouse.result_schema
        dialect = dialect or dialect_for_url(config.url).name
        monitors = [(config.project, m.name) for m in config.monitors]
    return migrate.ddl(load_dialect(dialect or "duckdb"), schema or "drift", monitors)


def _offline(config: Config, given: MonitorConfig) -> ResolvedMonitor:
    """A monitor with the columns that its configuration names."""
    columns: dict[str, SourceColumn] = {}
    for _, item in given.columns.items():
        if item.name and not item.expression:
            kind = item.kind or (Kind.TEXT if item.role and item.role.value == "identifier" else Kind.NUMERIC)
            columns[item.name] = SourceColumn(item.name, *_FAMILY[kind])
    if not columns:
        file, line = config.place((*config.path_of(given), "columns"))
        raise UsageError(
            f"{file}:{line}: monitor {given.name}: the columns are not named in the configuration, and compile does not connect.",
            hint="Add --introspect, or list the columns with their kinds.",
        )
    for segment in given.segments:
        columns.setdefault(segment.column, SourceColumn(segment.column, "VARCHAR", "text"))
    if given.model is not None:
        classes = given.model.task == "classification" and given.model.positive is None
        for name in (given.model.label, given.model.prediction):
            columns.setdefault(name, SourceColumn(name, *_FAMILY[Kind.BOOLEAN if classes else Kind.NUMERIC]))
    stamp = given.timestamp
    if stamp is not None and stamp.column is not None:
        family = "integer" if stamp.format else "timestamp"
        columns[stamp.column] = SourceColumn(stamp.column, family.upper(), family)
    resolved, problems = resolve_monitor(config, given, tuple(columns.values()))
    real = [p for p in problems if not isinstance(p, ColumnProblem)]
    if real:
        raise ConfigError(real)
    return resolved


def _plan(monitor: ResolvedMonitor) -> tuple[MonitorPlan, datetime]:
    """A first run with one due bucket and one window of every comparison."""
    limits = baseline_range(monitor)
    begin = limits[0] if limits else datetime(2025, 1, 1)
    after = limits[1] if limits else datetime(2025, 4, 1)
    now = after + timedelta(days=70)
    facts = Facts(
        monitor=monitor,
        now=now,
        definition_hash=definition_hash(monitor),
        oldest=begin,
        newest=span_at(window_unit(monitor, monitor.comparisons[0]), zone_of(monitor), now).start,
    )
    plan = build(facts)
    comparisons = tuple(replace(c, windows=c.windows[-1:]) for c in plan.comparisons)
    return replace(plan, buckets=plan.buckets[-1:], late=plan.late[-1:], comparisons=comparisons), now


def placeholder_answers(plan: MonitorPlan, measured: Sequence[Measured]) -> Mapping[str, Any]:
    """Placeholder rows for the few results that shape the statements after them."""
    monitor = plan.monitor
    k = resolution(ROWS / max(len(plan.baseline_buckets), 1))
    grids = []
    for m in measured:
        grid = pilot_grid(0.0, 1.0, k, integer=m.numeric.integer) if m.is_numeric else None
        spec = {
            "family": m.column.type_family,
            "signature": signature(monitor, m.name),
            "grid": asdict(grid) if grid else None,
        }
        grids.append(
            {
                "column_name": m.name,
                "grid_id": "<grid_id>",
                "column_kind": m.column.kind.value,
                "status": "ok",
                "spec": json.dumps(spec),
                "cell_count": k,
            }
        )
    bins = [
        {"column_name": m.name, "bin_index": i, "bin_label": label, "bin_lower": lo, "bin_upper": hi, "cell_from": a, "cell_to": b}
        for m in measured
        if m.is_numeric
        for i, (label, lo, hi, a, b) in enumerate(
            (("[-inf, 0.5)", None, 0.5, -1, k // 2), ("[0.5, inf)", 0.5, None, k // 2 + 1, 2_000_000_000))
        )
    ]  # fmt: skip
    segments = {s.column: {"values": ["first value", "second value"], "complete": True} for s in monitor.segments}
    baseline = {"baseline_version": plan.baseline_version, "spec": json.dumps({"segments": segments})}

    def ranges(sql: str) -> list[dict[str, Any]]:
        row: dict[str, Any] = {"row_count": ROWS}
        for number in re.findall(r"low_(\d+)", sql):
            row |= {f"finite_{number}": ROWS, f"low_{number}": 0.0, f"high_{number}": 1.0}
            row |= {f"mean_{number}": 0.5, f"stddev_{number}": 0.25}
        return [row]

    return {
        "profile/row_count": lambda _: [{"row_count": ROWS}],
        "grid/range": ranges,
        "profile/has_values": lambda _: [{"column_no": m.number, "n": ROWS, "cells": k} for m in measured],
        "profile/segment_values": lambda _: [{"value": "first value"}, {"value": "second value"}],
        "profile/rows_scanned": lambda _: [{"n": 0}],
        "grids": lambda _: grids,
        "grid bins": lambda _: bins,
        "baselines": lambda _: [baseline],
        "noise closed": lambda _: [{"closed": 1}],
    }


def _with_headers(monitor: str, dialect: str, statements: Sequence[Recorded]) -> list[Compiled]:
    found = []
    for number, one in enumerate(statements, 1):
        template = one.name.split(" into ")[0]
        known = header(template) if "/" in template else {}
        lines = [f"-- monitor:  {monitor}", f"-- step:     {one.step or 'begin'}"]
        if known:
            lines.append(f"-- purpose:  {known.get('purpose', '')}")
            lines.append(f"-- grain:    {known.get('grain', '')}")
            lines.append(f"-- template: sql_templates/{template}.sql.j2")
        else:
            lines.append(f"-- purpose:  {one.name}")
            lines.append("-- grain:    a row of a result table each" if "append" in one.name else "-- grain:    none")
            lines.append("-- template: sql_templates/results/ and the statements of dialect.toml")
        lines.append(f"-- dialect:  {dialect}")
        found.append(Compiled(monitor, number, one.name, "\n".join(lines) + f"\n{one.sql.rstrip().rstrip(';')};\n"))
    return found
