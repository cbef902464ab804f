"""What a run will do, as a plain value: ``plan`` prints it, ``run`` executes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from warehouse_drift.config.resolved import ComparisonSpec, ResolvedMonitor
from warehouse_drift.plan.calendar import Span


@dataclass(frozen=True, slots=True)
class Asked:
    """What the caller asked for beyond what is due: buckets of [``start``, ``end``) are profiled again (naive UTC)."""

    start: datetime | None = None
    end: datetime | None = None
    refresh_baseline: bool = False

    def with_lost(self, lost: Mapping[str, tuple[datetime, datetime]]) -> Asked:
        """The same, and the time that abandoned runs had shown. A new baseline version needs nothing of an old one."""
        if not lost or self.refresh_baseline:
            return self
        spans = [*lost.values(), *([(self.start, self.end)] if self.start is not None and self.end is not None else [])]
        return replace(self, start=min(s for s, _ in spans), end=max(e for _, e in spans))

    def covers(self, span: Span) -> bool:
        return self.start is not None and self.end is not None and span.start < self.end and span.end > self.start


@dataclass(frozen=True, slots=True)
class KnownBaseline:
    """The newest stored baseline of the same definition."""

    version: str
    counter: int
    row_count: int
    segments: Mapping[str, tuple[tuple[str, ...], bool]] = field(default_factory=dict)
    """segment column -> (its values, whether these are all values of the baseline)"""


@dataclass(frozen=True, slots=True)
class KnownGrid:
    """A stored grid: ``spec`` is its JSON text ('' for value cells of a categorical column)."""

    column_name: str
    grid_id: str
    kind: str
    type_family: str
    status: str
    signature: str
    spec: str
    cell_count: int
    wide: bool = False
    """whether the column has more values than cells"""

    @property
    def name(self) -> str:
        return self.column_name


@dataclass(frozen=True, slots=True)
class KnownBucket:
    """A published bucket: how many of the wanted units it has, and when the newest of them was scanned."""

    units: int
    rows: int
    newest_scan: datetime


@dataclass(frozen=True, slots=True)
class KnownWindow:
    """A decided window."""

    comparison: str
    start: datetime
    end: datetime
    decided_at: datetime
    config_hash: str


@dataclass(frozen=True, slots=True)
class Facts:
    """All that a plan is made from, read beforehand in a few small queries. Instants are naive UTC."""

    monitor: ResolvedMonitor
    now: datetime
    definition_hash: str
    baseline: KnownBaseline | None = None
    highest_counter: int = 0
    grids: Mapping[str, KnownGrid] = field(default_factory=dict)
    profiled: frozenset[str] = frozenset()
    """columns whose baseline profile is published"""
    oldest: datetime | None = None
    """the oldest and the newest row that count: with a time, and not in the future"""
    newest: datetime | None = None
    null_times: int = 0
    future_rows: int = 0
    buckets: Mapping[datetime, KnownBucket] = field(default_factory=dict)
    windows: tuple[KnownWindow, ...] = ()
    """decided windows that start inside the looked-at range"""
    stale: tuple[KnownWindow, ...] = ()
    """decided windows, of any age, under other rules"""
    latest_bucket: datetime | None = None
    snapshot_before: datetime | None = None
    """without a timestamp: the newest snapshot of an earlier day"""
    noise: frozenset[str] = frozenset()
    """comparisons whose baseline noise is stored"""
    states: tuple[ColumnState, ...] = ()
    lost: Mapping[str, tuple[datetime, datetime]] = field(default_factory=dict)
    """abandoned run -> the time that it had shown, to be made again"""


@dataclass(frozen=True, slots=True)
class ColumnState:
    """A column that cannot be measured at all, with its reason code."""

    name: str
    kind: str
    role: str
    code: str
    detail: str = ""


OUTGROWN_WINDOWS = 3
"""Windows in a row that must say the same before a grid counts as outgrown."""


def looks_back(comparison: ComparisonSpec) -> int:
    """Windows, itself included, that what is said of one window depends on: its k-of-n rule, and outgrown grids."""
    return max(comparison.k_of_n[1], OUTGROWN_WINDOWS)


@dataclass(frozen=True, slots=True)
class WindowPlan:
    """A window to be decided. ``previous`` is its reference in a comparison with the window before."""

    span: Span
    previous: Span | None
    why: str
    """new, asked, restated (its units are newer than its decision), late (only if late rows changed it), rules (decided
    again from stored summaries) or follows (an earlier window that it looks back at changes)"""

    @property
    def from_store(self) -> bool:
        return self.why in ("rules", "follows")


@dataclass(frozen=True, slots=True)
class ComparisonPlan:
    spec: ComparisonSpec
    windows: tuple[WindowPlan, ...]
    noise: bool
    """whether the baseline's own windows have to be measured first"""
    baseline_windows: tuple[Span, ...] = ()
    basis: str = ""
    """what the noise is computed from"""


@dataclass(frozen=True, slots=True)
class MonitorPlan:
    """One monitor's part of a run."""

    monitor: ResolvedMonitor
    now: datetime
    definition_hash: str
    baseline_version: str
    baseline_counter: int
    baseline: KnownBaseline | None
    grids: Mapping[str, KnownGrid]
    to_grid: tuple[str, ...]
    """columns whose grid and baseline profile are made in this run"""
    baseline_buckets: tuple[Span, ...]
    buckets: tuple[Span, ...]
    """new buckets (or asked for): profiled and published"""
    late: tuple[Span, ...]
    """newest buckets, profiled again; published again only if late rows changed them"""
    comparisons: tuple[ComparisonPlan, ...]
    states: tuple[ColumnState, ...]
    null_times: int = 0
    future_rows: int = 0
    rows_per_bucket: int = 0
    has_history: bool = False
    """whether windows were decided under this baseline before"""
    repairs: tuple[str, ...] = ()
    """abandoned runs whose buckets and windows are made again"""

    @property
    def measured(self) -> tuple[str, ...]:
        """Columns that are profiled: those with a usable grid, or one to be made."""
        stuck = {s.name for s in self.states}
        return tuple(c.name for c in self.monitor.columns if c.name not in stuck)

    @property
    def profiled(self) -> tuple[Span, ...]:
        return tuple(sorted({*self.buckets, *self.late}, key=lambda s: s.start))

    @property
    def is_empty(self) -> bool:
        return not (self.to_grid or self.buckets or self.late or any(c.windows or c.noise for c in self.comparisons))


@dataclass(frozen=True, slots=True)
class Plan:
    """``failed``: monitors that could not be planned, with a sentence."""

    run_id: str
    project: str
    schema: str
    monitors: tuple[MonitorPlan, ...]
    failed: tuple[tuple[str, str], ...] = ()
