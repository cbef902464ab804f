"""Hashes of what decides, and of what makes a baseline."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import Any

from warehouse_drift.config.limits import DEFAULT_PRESET, preset_limits
from warehouse_drift.config.model import Config, MonitorConfig
from warehouse_drift.config.resolved import Kind, ResolvedMonitor


def hashed(body: Any) -> str:
    """First 16 hex digits of the sha256 of plain values."""
    text = json.dumps(body, sort_keys=True, default=_plain)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _plain(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def decisive_hash(config: Config, given: MonitorConfig, resolved: ResolvedMonitor) -> str:
    """First 16 hex digits of the sha256 of all that decides: limits, presets, rules. Of the configuration, not of the
    columns that happen to be there: a column that vanishes must not decide the past again. Names, owners, lines of the
    file and precision do not count."""
    defaults = config.defaults
    used = {DEFAULT_PRESET} | {t.preset for t in (given.thresholds, defaults.thresholds) if t and t.preset}
    used |= {i.thresholds.preset for _, i in given.columns.items() if i.thresholds and i.thresholds.preset}
    used |= {
        r.thresholds.preset for p in (given, defaults) for r in p.roles.values() if r.thresholds and r.thresholds.preset
    }
    return hashed(
        {
            "columns": given.columns.model_dump(mode="json"),
            **({"model": given.model.model_dump(mode="json")} if given.model else {}),
            "limits": [t.model_dump(mode="json") if t else None for t in (given.thresholds, defaults.thresholds)],
            "roles": [{r.value: s.model_dump(mode="json") for r, s in p.roles.items()} for p in (given, defaults)],
            "presets": {
                p: {k: preset_limits(p, k) for k in (*(k.value for k in Kind), "table", *(("model",) if given.model else ()))}
                for p in sorted(used - {"auto"})
            },
            "segments": [[s.column, s.min_rows, s.max_values, sorted(s.alert_on)] for s in resolved.segments],
            "comparisons": [[c.name, c.window, c.against, c.k_of_n] for c in resolved.comparisons],
            "statistics": resolved.statistics,
            "dataset": [resolved.dataset.warn, resolved.dataset.alert],
            "rules": [resolved.adjustment, resolved.p_gate],
        }
    )


def definition_hash(monitor: ResolvedMonitor) -> str:
    """First 16 hex digits of the sha256 of what makes the baseline: relation, where, range, and how rows get their time."""
    baseline, time = monitor.baseline, monitor.timestamp
    relation = baseline.relation or monitor.relation
    ranged = baseline.start is not None or baseline.end is not None
    clock = [time.column, time.format, time.time_zone, time.naive] if time and ranged else None
    return hashed([relation.text.strip(), relation.is_query, baseline.where, baseline.start, baseline.end, clock])
