"""A monitor as dbt models: a profile, its metrics with fixed limits, and the seeds and tests that they need.

The stages of ``run`` render the SQL (``Woven``); the published baseline, its grids and the limits are fixed now. What
needs Python stays out: p-values, refinement, the k-of-n rule, new grids.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from markupsafe import Markup

from warehouse_drift.config.resolved import ResolvedMonitor
from warehouse_drift.dbt import properties as described
from warehouse_drift.dbt.calendar import Row, bucket_rows, window_rows
from warehouse_drift.dbt.files import properties, seed_text, slug
from warehouse_drift.dbt.project import Project
from warehouse_drift.dbt.weave import INVOCATION, Woven, jinja, model, stand_in
from warehouse_drift.decisions.decide import Noise, rules_from
from warehouse_drift.decisions.thresholds import SAMPLING_SHARE, SIGNED, effective
from warehouse_drift.pipeline import baseline, profile
from warehouse_drift.pipeline.baseline import Gridded
from warehouse_drift.pipeline.context import Context, column_params
from warehouse_drift.pipeline.facts import Source, filtered, source_of
from warehouse_drift.pipeline.grids import Slice
from warehouse_drift.pipeline.metrics import pool, summaries
from warehouse_drift.pipeline.noise import psi_limits, statistics_of
from warehouse_drift.pipeline.windows import shown
from warehouse_drift.plan.calendar import Span
from warehouse_drift.plan.clock import bucket_sql, clock_of
from warehouse_drift.results.tables import WHOLE_BASELINE
from warehouse_drift.sql.render import canonical_text, render
from warehouse_drift.statistics.registry import BY_NAME

FIRST = "wd_v_cells"
"""The step that the templates for published cells read."""


@dataclass(frozen=True, slots=True)
class Given:
    """Everything that is fixed when models are generated.

    ``relation``: Jinja of the watched relation, None where dbt does not know it; ``baseline``: rows of the seed;
    ``starts``: comparison -> its first window; ``noise``: comparison -> own noise of the baseline.
    """

    context: Context
    gridded: Gridded
    relation: str | None
    baseline: Sequence[Row]
    buckets: tuple[Span, ...]
    starts: Mapping[str, datetime]
    noise: Mapping[str, Noise]
    folder: str
    """below the folders of models, seeds and tests"""

    @property
    def monitor(self) -> ResolvedMonitor:
        return self.context.monitor

    @property
    def prefix(self) -> str:
        return f"{slug(self.monitor.name)}_drift"

    def names(self) -> dict[str, str]:
        """Stand-ins and the Jinja that they become."""
        made = {k: f"ref('{self.prefix}_{k}')" for k in ("baseline", "buckets", "windows", "limits", "cells", "metrics")}
        own = {"relation": self.relation} if self.relation else {}
        return {"this": "this", **made, **own}

    def key(self) -> dict[str, str]:
        return self.context.key | {"run_id": INVOCATION}

    def source(self) -> Source:
        found = source_of(self.context.warehouse, self.monitor)
        return Source(stand_in("relation"), found.where, found.time) if self.relation else found


def files(given: Given, project: Project) -> dict[str, str]:
    """Path in the project -> text of every generated file."""
    limits, windows = limit_rows(given), window_rows(given.monitor, given.starts, given.buckets)
    cells_of = definition(given)
    judged_by = _hash([cells_of, limits, statistics_of(given.context)])
    models, seeds, tests = (f"{place}/{given.folder}" for place in (project.models, project.seeds, project.tests))
    assert given.monitor.timestamp is not None
    written = {
        "baseline": (list(described.BASELINE), given.baseline),
        "buckets": (list(described.BUCKETS), bucket_rows(given.monitor.timestamp, given.buckets)),
        "windows": (list(described.WINDOWS), windows),
        "limits": (list(described.LIMITS), limits),
    }
    types = given.context.warehouse.dialect.types
    found = {f"{seeds}/{given.prefix}_{k}.csv": seed_text(columns, rows) for k, (columns, rows) in written.items()}
    found[f"{seeds}/{given.prefix}_seeds.yml"] = properties(described.seeds(given.prefix, given.monitor.name, types))
    found[f"{models}/{given.prefix}_cells.sql"] = profile_model(given, cells_of)
    found[f"{models}/{given.prefix}_metrics.sql"] = metrics_model(given, cells_of, judged_by)
    found[f"{models}/{given.prefix}_models.yml"] = properties(described.models(given.prefix, given.monitor.name))
    for name, severity, params in (("no_alerts", "error", ("metrics",)), ("calendar_ends", "warn", ("buckets",))):
        body = render(f"dbt/{name}", {p: stand_in(p) for p in params}, given.context.warehouse.dialect).sql
        text = f"{{{{ config(severity='{severity}') }}}}\n" + jinja(body, given.names(), given.context.warehouse.dialect)
        found[f"{tests}/{given.prefix}_{name}.sql"] = f"{text}\n"
    return found


def definition(given: Given) -> str:
    """What makes stored cells comparable: with another one, everything is profiled again."""
    m, gridded = given.monitor, given.gridded
    keys = [{k: v for k, v in s.items() if k != "x"} for s in gridded.segments.keys]
    first = given.buckets[0].start  # older buckets are never due again
    return _hash([given.context.plan.baseline_version, first, dict(gridded.ids), keys, m.where, m.relation.text])


def _hash(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:12]


def limit_rows(given: Given) -> list[Row]:
    """Limits of every comparison, segment, column and statistic; automatic ones as they are now."""
    found: list[Row] = []
    measured = {m.name for m in given.gridded.measured}
    for comparison in given.monitor.comparisons:
        rules = rules_from(given.monitor, comparison)
        for segment, key in _segments(given.gridded):
            for (column, statistic), threshold in rules.limits.items():
                if (threshold.warn, threshold.alert) == (None, None) or column == key or column not in {*measured, ":table"}:
                    continue
                largest, count = given.noise[comparison.name].get((segment, column, statistic), (None, 0))
                warn, alert, source = effective(threshold, largest, count)
                found.append(
                    {
                        "comparison": comparison.name,
                        "segment": segment,
                        "column_name": column,
                        "statistic": statistic,
                        "warn_threshold": warn,
                        "alert_threshold": alert,
                        "threshold_source": source,
                        "min_rows": rules.min_rows.get(key or "", 0),
                        "highest": "alert" if key is None or segment in rules.alert_on else "warn",
                    }
                )
    return found


def _segments(gridded: Gridded) -> list[tuple[str, str | None]]:
    """(segment as it is shown, its column) of all that the profile tells apart."""
    found: list[tuple[str, str | None]] = [("all", None)]
    for k in gridded.segments.keys:
        kinds = [("null", ""), (str(k["rest"]), ""), *(("value", str(v)) for v in k["values"])]
        found += [(shown(k["key"], kind, value)[0], k["key"]) for kind, value in kinds]
    return found


def profile_model(given: Given, cells_of: str) -> str:
    """The incremental model of cells by bucket."""
    context, gridded, spec = given.context, given.gridded, given.monitor.timestamp
    dialect = context.warehouse.dialect
    session, source = Woven(dialect), given.source()
    assert spec is not None and source.time is not None
    whole = filtered(given.monitor, source, given.buckets[0].start, given.buckets[-1].end)
    due = session.incremental(
        "due",
        "dbt/due_buckets",
        stand_in("this"),
        buckets=stand_in("buckets"),
        source=source.relation,
        filter=whole,
        x=source.time,
        clock=clock_of(spec),
        delay=None if spec.detection_delay is None else round(spec.detection_delay.total_seconds() * 1e6),
        definition=cells_of,
        late=spec.late,
    )
    wanted = Markup(canonical_text("dbt/due_filter", {"x": source.time, "due": due}))
    where = Slice(
        source.relation,
        filtered(given.monitor, source, given.buckets[0].start, given.buckets[-1].end, wanted),
        bucket_sql(spec, source.time, given.buckets),
        gridded.segments.code(),
    )
    _published(session, given, None, cells_of)
    numeric = profile.numeric_cells(session, gridded.measured, gridded.grids, where)
    values = profile.value_cells(session, gridded.measured, where, baseline.salt(context))
    others = [m for m in gridded.measured if not m.is_numeric]
    known = None
    if others:
        params = {"s": Markup(""), "columns": column_params(others, gridded.ids), "whole_baseline": WHOLE_BASELINE}
        known = session.scratch("known", "store/known_values", **params, **given.key())
    scan = profile.scanned(session, (), where, numeric, values, known, gridded.wide)
    keys = list(gridded.segments.keys)
    marginal = session.scratch("marginal", "profile/marginal_cells", cells=scan.cells, keys=keys, whole=False)
    rows = session.scratch("row_facts", "profile/row_facts", rows=scan.rows, numbers=[], keys=keys, whole=False)
    columns = column_params(gridded.measured, gridded.ids)
    cells = session.scratch("stored", "store/cells", marginal=marginal, columns=columns, buckets=due, key=given.key())
    params = {"cells": cells, "rows": rows, "due": due, "key": given.key(), "definition": cells_of}
    last = render("dbt/profile", params | {"first_key": gridded.segments.first}, dialect).sql
    return _config(dialect.dbt, "bucket_start") + model(session, last, given.names(), dialect.dbt)


def metrics_model(given: Given, cells_of: str, judged_by: str) -> str:
    """The incremental model of statistics and decisions by window."""
    context, gridded, spec = given.context, given.gridded, given.monitor.timestamp
    assert spec is not None
    dialect = context.warehouse.dialect
    session = Woven(dialect)
    windows = session.incremental(
        "due",
        "dbt/due_windows",
        stand_in("this"),
        windows=stand_in("windows"),
        buckets=stand_in("buckets"),
        profile=stand_in("cells"),
        profile_definition=cells_of,
        definition=judged_by,
        late=spec.late,
    )
    _published(session, given, stand_in("cells"), cells_of)
    session.named("wd_v_profiles", "dbt/table_rows", cells=Markup(FIRST))
    sides = session.scratch("parts", "dbt/sides", windows=windows)
    shared: dict[str, Any] = {"s": Markup(""), "key": given.key(), "sides": sides, "spans": []}
    columns = column_params(gridded.measured, gridded.ids)
    merged = session.scratch("sides", "metrics/stored_sides", columns=columns, first_key=gridded.segments.first, **shared)
    numeric = [m.number for m in gridded.measured if m.is_numeric]
    pooled = pool(session, merged, gridded.bins, numeric, 0.1, warns=psi_limits(gridded))
    measured = [s for s in statistics_of(context) if s in BY_NAME]
    summaries(session, pooled, measured)
    by_kinds: dict[tuple[str, ...], list[str]] = {}
    for s in measured:
        by_kinds.setdefault(BY_NAME[s].kinds, []).append(s)
    rows = session.scratch("rows", "metrics/stored_rows", **shared)
    params = {
        "statistics": session.results.get("metrics/statistics"),
        "kinds": [{"names": names, "kinds": list(kinds)} for kinds, names in by_kinds.items()],
        "rows": rows,
        "windows": windows,
        "limits": stand_in("limits"),
        "columns": [
            {"number": m.number, "name": m.name, "kind": m.column.kind.value, "role": m.column.role.value}
            for m in gridded.measured
        ],
        "key": given.key(),
        "definition": judged_by,
        "signed": list(SIGNED),
        "sampling": SAMPLING_SHARE * (1.0 + 1e-9),
    }
    last = render("dbt/metrics", params, dialect).sql
    return _config(dialect.dbt, "window_key") + model(session, last, given.names(), dialect.dbt)


def _published(session: Woven, given: Given, cells: Markup | None, cells_of: str) -> None:
    params = {"baseline": stand_in("baseline"), "profile": cells, "key": given.key(), "definition": cells_of}
    session.named(FIRST, "dbt/cells", whole_baseline=WHOLE_BASELINE, **params)


def _config(settings: Mapping[str, str], unique_key: str) -> str:
    """The model's own settings. The key is that of what is replaced as a whole, not of a row."""
    listed = f"materialized='incremental', incremental_strategy='{settings['incremental']}', unique_key='{unique_key}', on_schema_change='fail'"
    return f"{{{{ config({listed}) }}}}\n"
