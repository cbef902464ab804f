"""Limits: presets (data files) and the automatic rule that raises them to the baseline's own noise."""

from __future__ import annotations

import sys
from functools import cache
from importlib import resources

from warehouse_drift.config.resolved import Threshold
from warehouse_drift.errors import UsageError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

AUTO_FACTOR = 1.25
MIN_WINDOWS = 5


@cache
def preset(name: str) -> dict[str, dict[str, tuple[float, float]]]:
    """kind -> statistic -> (warn, alert). Raises UsageError naming the presets there are."""
    folder = resources.files("warehouse_drift.decisions") / "presets"
    known = sorted(p.name[:-5] for p in folder.iterdir() if p.name.endswith(".toml"))
    if name not in known:
        raise UsageError(f"There is no preset {name!r}.", hint=f"Known: {', '.join(known)}.")
    raw = tomllib.loads((folder / f"{name}.toml").read_text(encoding="utf-8"))
    return {kind: {s: (float(v[0]), float(v[1])) for s, v in some.items()} for kind, some in raw.items()}


def effective(limit: Threshold, noise: float | None, windows: int) -> tuple[float | None, float | None, str]:
    """(warn, alert, source). Automatic limits are 1.25 x the largest value among at least five baseline windows, and
    never under the given ones."""
    if not limit.auto or noise is None:
        return limit.warn, limit.alert, limit.source
    if windows < MIN_WINDOWS:
        return (
            limit.warn,
            limit.alert,
            f"{limit.source} (only {windows} baseline windows, {MIN_WINDOWS} needed for auto)",
        )
    own = AUTO_FACTOR * noise
    warn = None if limit.warn is None else max(limit.warn, own)
    alert = None if limit.alert is None else max(limit.alert, own)
    raised = (limit.warn is not None and own > limit.warn) or (limit.alert is not None and own > limit.alert)
    return warn, alert, f"auto: {AUTO_FACTOR} x own noise {noise:.3g}" if raised else limit.source
