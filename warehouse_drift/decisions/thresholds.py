"""Where limits come from: presets (data files), and ``auto``, which raises them to the baseline's own noise."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from importlib.resources import files

from warehouse_drift.config.resolved import Threshold
from warehouse_drift.decisions.model import Summary
from warehouse_drift.errors import UsageError
from warehouse_drift.statistics.registry import ERRORS, PERFORMANCE

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

DEFAULT_PRESET = "psi_classic"
TABLE = "table"
"""The kind under which a preset lists limits of table rows (row_count)."""
KINDS = ("numeric", "datetime", "categorical", "boolean", "text", TABLE, "model")
"""tables of limits in a preset's file; what else is in it is read by ``decisions.library``"""
NOISE_FACTOR = 1.25
NOISE_WINDOWS = 5
"""With fewer baseline windows their largest value says too little: the preset stands."""
SIGNED = (
    "missing_rate_change", "mean_shift", "median_shift", "p05_shift", "p95_shift", "distinct_change", "entropy_change",
    "welch_t", "student_t", "two_proportion_z", "fisher",
)  # fmt: skip
"""statistics with a direction: their effect is their size"""
CENTRE = 0.5
"""What ``mann_whitney`` and ``mann_whitney_less`` are without drift."""
SAMPLING_SHARE = 0.2
"""PSI is judged only where sampling alone adds less than this share of the warning limit."""


@lru_cache(maxsize=1)
def preset_names() -> tuple[str, ...]:
    found = sorted(p.name[:-5] for p in (files(__package__) / "presets").iterdir() if p.name.endswith(".toml"))
    return (DEFAULT_PRESET, *(name for name in found if name != DEFAULT_PRESET))


@lru_cache(maxsize=8)
def preset(name: str) -> Mapping[str, Mapping[str, tuple[float, float]]]:
    """Kind -> statistic -> (warn, alert), as a preset's file has them. Raises UsageError for a name without a file."""
    if name not in preset_names():
        raise UsageError(f"There is no preset {name!r}.", hint=f"Known: {', '.join(preset_names())}.")
    raw = tomllib.loads((files(__package__) / "presets" / f"{name}.toml").read_text(encoding="utf-8"))
    return {
        kind: {s: (float(v[0]), float(v[1])) for s, v in table.items()} for kind, table in raw.items() if kind in KINDS
    }


def judged_defaults(kind: str, name: str = DEFAULT_PRESET, *, auto: bool = True) -> dict[str, Threshold]:
    """Limits of the statistics that are judged without being asked for, for a kind of column or ``table``."""
    limits = preset(name).get(str(getattr(kind, "value", kind)), {})
    return {s: Threshold(warn, alert, auto=auto, source=f"preset {name}") for s, (warn, alert) in limits.items()}


def effective(
    threshold: Threshold, noise: float | None = None, n_windows: int = 0
) -> tuple[float | None, float | None, str]:
    """(warn, alert, where they come from).

    ``auto``: each limit is at least 1.25 times ``noise``, the largest effect among ``n_windows`` of the baseline's own
    windows, each against the rest of the baseline; needs 5 of them.
    """
    warn, alert = threshold.warn, threshold.alert
    if not threshold.auto:
        return warn, alert, threshold.source
    if noise is None or n_windows < NOISE_WINDOWS or not math.isfinite(noise):
        have = n_windows if noise is not None else 0
        return warn, alert, f"{threshold.source} (own noise unknown: {have} of {NOISE_WINDOWS} baseline windows)"
    floor = NOISE_FACTOR * noise
    raised = [limit for limit in (warn, alert) if limit is not None and limit < floor]
    about = f"own noise {noise:.3g} in {n_windows} baseline windows"
    warn = None if warn is None else max(warn, floor)
    alert = None if alert is None else max(alert, floor)
    if raised:
        return warn, alert, f"auto: {NOISE_FACTOR} x {about}, above {threshold.source}"
    return warn, alert, f"{threshold.source} ({about})"


def effects(summary: Summary) -> tuple[float, float, float] | None:
    """(lower, value, upper) on the scale of the limits; None when the summary has no value. The upper end of
    ``row_count`` is infinite for an empty window.

    SIGNED ones: the size of the change; mann_whitney: how far it is from 0.5 (``_less``: below it); unseen_rate, vanished_rate: what exceeds ``expected``; row_count: max(r, 1/r) - 1 for
    the ratio r = value / expected (value itself where nothing is expected); a model's metric: how much worse it is
    (shares: expected - value; errors: value / expected - 1; 0 where it is better); all others: the value.
    """
    if summary.value is None or summary.lower is None or summary.upper is None:
        return None
    low, value, high = summary.lower, summary.value, summary.upper
    if summary.statistic in PERFORMANCE and summary.column_name == ":table":
        worse = _worse(summary.statistic, value, summary.expected)
        return worse, worse, worse
    if summary.statistic == "mann_whitney":
        low, value, high = low - CENTRE, value - CENTRE, high - CENTRE
    if summary.statistic in (*SIGNED, "mann_whitney"):
        return (0.0 if low < 0.0 < high else min(abs(low), abs(high))), abs(value), max(abs(low), abs(high))
    if summary.statistic == "mann_whitney_less":
        return max(CENTRE - high, 0.0), max(CENTRE - value, 0.0), max(CENTRE - low, 0.0)
    if summary.statistic in ("unseen_rate", "vanished_rate"):
        shift = summary.expected or 0.0
        return max(low - shift, 0.0), max(value - shift, 0.0), max(high - shift, 0.0)
    if summary.statistic == "row_count":
        a, b, c = (_ratio_effect(x, summary.expected) for x in (low, value, high))
        return min(a, b, c), b, max(a, b, c)
    return low, value, high


def effect(summary: Summary, value: float) -> float:
    """``effects`` of one value."""
    return (effects(replace(summary, value=value, lower=value, upper=value)) or (0.0,))[0]


def _worse(metric: str, value: float, expected: float | None) -> float:
    """How much worse than the reference: a share has fallen by, an error has risen by a part of itself."""
    if expected is None:
        return 0.0
    if metric in ERRORS:
        return max(0.0, value / expected - 1.0) if expected > 0.0 else (math.inf if value > 0.0 else 0.0)
    return max(0.0, expected - value)


def _ratio_effect(value: float, expected: float | None) -> float:
    if expected is not None and expected <= 0.0:
        return 0.0 if value <= 0.0 else math.inf
    ratio = value if expected is None else value / expected
    return math.inf if ratio <= 0.0 else max(ratio, 1.0 / ratio) - 1.0


def needed_rows(bins: int, n_reference: int, warn: float) -> int | None:
    """Rows a window needs so that ``bins`` bins add less than a fifth of ``warn`` to PSI by sampling alone:
    (bins - 1)(1/n + 1/m) <= warn / 5. None when the reference itself is too small for any window."""
    room = SAMPLING_SHARE * warn / max(bins - 1, 1) - (1.0 / n_reference if n_reference > 0 else math.inf)
    return math.ceil(1.0 / room) if room > 0.0 else None


def enough_rows(bins: int, n_reference: int, n_current: int, warn: float) -> bool:
    """Whether PSI on that many bins can be judged. One bin counts as two: a constant proves nothing with three rows."""
    if n_reference < 1 or n_current < 1:
        return False
    noise = (max(bins, 2) - 1) * (1.0 / n_reference + 1.0 / n_current)
    return noise <= SAMPLING_SHARE * warn * (1.0 + 1e-9)
