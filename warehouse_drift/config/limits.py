"""Which limits a statistic of a column has, and which line of the configuration they come from.

Most specific first: column, match, role, monitor, defaults, preset. A limit that a place leaves out comes from the next
one; limits from a configuration are fixed, a preset's are raised to the baseline's own noise unless the preset is named.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from warehouse_drift.config.model import LimitConfig, ThresholdsConfig
from warehouse_drift.config.resolved import ResolvedMonitor, Threshold
from warehouse_drift.errors import UsageError

DEFAULT_PRESET = "psi_classic"


@dataclass(frozen=True, slots=True)
class Place:
    """Thresholds of one place; ``sources`` names it per statistic, ``''`` for the mapping as a whole."""

    thresholds: ThresholdsConfig
    label: str
    sources: Mapping[str, str]

    def source(self, statistic: str = "") -> str:
        return f"{self.label} ({self.sources.get(statistic) or self.sources['']})"


def preset_names() -> tuple[str, ...]:
    from importlib import resources

    folder = resources.files("warehouse_drift.decisions") / "presets"
    return tuple(sorted(p.name.removesuffix(".toml") for p in folder.iterdir() if p.name.endswith(".toml")))


def preset_limits(name: str, kind: str) -> Mapping[str, tuple[float, float]]:
    from warehouse_drift.decisions.thresholds import preset

    try:
        return preset(name).get(kind, {})
    except UsageError:
        return {}


def limits(kind: str, places: Sequence[Place], measured: Sequence[str]) -> dict[str, Threshold]:
    """Limits of the statistics in ``measured`` for a column of ``kind``; one that is not judged is absent."""
    found: dict[str, Threshold] = {}
    for statistic in measured:
        threshold = _limit(statistic, kind, places)
        if threshold is not None:
            found[statistic] = threshold
    return found


def _limit(statistic: str, kind: str, places: Sequence[Place]) -> Threshold | None:
    warn: float | None = None
    alert: float | None = None
    auto: bool | None = None
    sources: list[str] = []
    for place in places:
        preset = place.thresholds.preset
        if preset is not None:
            base = DEFAULT_PRESET if preset == "auto" else preset
            label = f"preset {base}" if preset != "auto" else f"preset {base}, auto"
            return _joined(
                warn,
                alert,
                auto,
                sources,
                preset_limits(base, kind).get(statistic),
                preset == "auto",
                f"{label}: {place.source()}",
            )
        if statistic not in place.thresholds.limits:
            continue
        limit = place.thresholds.limits[statistic]
        if limit is None:
            return _joined(warn, alert, auto, sources, None, False, "") if sources else None
        warn, alert, used = _taken(warn, alert, limit)
        if used:
            sources.append(place.source(statistic))
        if limit.auto is not None and auto is None:
            auto = limit.auto
        if warn is not None and alert is not None:
            break
    default = preset_limits(DEFAULT_PRESET, kind).get(statistic)
    return _joined(warn, alert, auto, sources, default, True, f"preset {DEFAULT_PRESET}")


def _taken(warn: float | None, alert: float | None, limit: LimitConfig) -> tuple[float | None, float | None, bool]:
    """Fills what is still open. A limit from a less specific place never crosses one from a more specific place."""
    used = False
    if warn is None and limit.warn is not None:
        warn, used = (limit.warn if alert is None else min(limit.warn, alert)), True
    if alert is None and limit.alert is not None:
        alert, used = (limit.alert if warn is None else max(limit.alert, warn)), True
    return warn, alert, used


def _joined(
    warn: float | None,
    alert: float | None,
    auto: bool | None,
    sources: list[str],
    preset: tuple[float, float] | None,
    preset_auto: bool,
    label: str,
) -> Threshold | None:
    given = bool(sources)
    if preset is not None and (warn is None or alert is None):
        warn, alert, _ = _taken(warn, alert, LimitConfig(warn=preset[0], alert=preset[1], auto=None))
        sources = [*sources, label]
    if warn is None and alert is None:
        return None
    return Threshold(warn, alert, auto if auto is not None else (preset_auto and not given), "; ".join(sources))


def show_resolved(monitor: ResolvedMonitor) -> list[tuple[str, str, float | None, float | None, str]]:
    """(column, statistic, warn, alert, source) of every limit, for ``check --show-resolved``; ':table' rows first."""

    def rows(
        column: str, thresholds: Mapping[str, Threshold]
    ) -> list[tuple[str, str, float | None, float | None, str]]:
        return [(column, s, t.warn, t.alert, t.source) for s, t in thresholds.items()]

    return [
        *rows(":table", monitor.table_thresholds),
        *(r for c in monitor.columns for r in rows(c.name, c.thresholds)),
    ]
