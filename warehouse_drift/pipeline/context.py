"""What the stages of one monitor's run share: where results go, how rows get their segment, what the columns are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from warehouse_drift.config.resolved import ResolvedMonitor
from warehouse_drift.pipeline.columns import Measured
from warehouse_drift.plan.model import MonitorPlan
from warehouse_drift.results import read
from warehouse_drift.results.place import prefix_in
from warehouse_drift.sql.environment import identifier
from warehouse_drift.sql.render import canonical_text
from warehouse_drift.warehouse.execute import Warehouse

STATISTICS = 20
"""Rows that a column has in a window, about."""
SegmentValues = Mapping[str, tuple[tuple[str, ...], bool]]
"""segment column -> (its values, whether they are all that the baseline has)"""


@dataclass(frozen=True, slots=True)
class Context:
    """``run_id`` marks every row that this run appends; nothing is visible before its publish record."""

    warehouse: Warehouse
    schema: str
    plan: MonitorPlan
    run_id: str

    @property
    def monitor(self) -> ResolvedMonitor:
        return self.plan.monitor

    @property
    def s(self) -> Markup:
        return prefix_in(self.warehouse, self.schema)

    @property
    def wide(self) -> bool:
        """Whether one window may have more rows than are read at once."""
        segments = 1 + sum(s.max_values + 2 + len(s.alert_on) for s in self.monitor.segments)
        return len(self.monitor.columns) * segments * STATISTICS > read.TURN

    @property
    def key(self) -> dict[str, str]:
        return {
            "project": self.monitor.project,
            "monitor": self.monitor.monitor_id,
            "baseline_version": self.plan.baseline_version,
            "run_id": self.run_id,
        }


@dataclass(frozen=True, slots=True)
class Segmenting:
    """Segment keys with their values. ``keys`` are parameters of the templates; a code is a digit per key."""

    keys: tuple[dict[str, Any], ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Segment keys of the units: one empty name where there is no segment."""
        return tuple(str(k["key"]) for k in self.keys) or ("",)

    @property
    def first(self) -> str:
        return self.names[0]

    @property
    def count(self) -> int:
        """How many segments a column has, all rows included."""
        return 1 + sum(int(k["size"]) for k in self.keys)

    def code(self) -> Markup | None:
        """The expression that gives a row its segment code."""
        return Markup(canonical_text("profile/segment_code", {"keys": list(self.keys)})) if self.keys else None

    def only(self, key: str, kind: str, value: str) -> Markup | None:
        """A predicate for the rows of one segment; None for all rows."""
        if kind == "all":
            return None
        k = next(k for k in self.keys if k["key"] == key)
        values: Sequence[str] = k["values"]
        number = 0 if kind == "null" else values.index(value) + 1 if kind == "value" else len(values) + 1
        code = Markup(canonical_text("profile/segment_code", {"keys": [k | {"stride": 1}]}))
        return Markup("{} = {}").format(code, number)


def segmenting(monitor: ResolvedMonitor, values: SegmentValues) -> Segmenting:
    keys: list[dict[str, Any]] = []
    stride = 1
    for spec in monitor.segments:
        if spec.column not in values:
            continue  # added after the baseline was taken: its columns say grid_changed until that is refreshed
        listed, complete = values[spec.column]
        keys.append(
            {
                "key": spec.column,
                "x": Markup("src.") + identifier(spec.column),
                "values": list(listed),
                "stride": stride,
                "size": len(listed) + 2,
                "rest": "unseen" if complete else "other",
            }
        )
        stride *= len(listed) + 2
    return Segmenting(tuple(keys))


def column_params(
    measured: Sequence[Measured], grid_ids: Mapping[str, str], *, table: bool = False
) -> list[dict[str, Any]]:
    """Columns as the inline relation of the templates wants them; ``table`` adds the table's own row as number -1."""
    rows = [
        {"number": m.number, "name": m.name, "grid_id": grid_ids[m.name], "kind": m.column.kind.value} for m in measured
    ]
    return [*rows, {"number": -1, "name": ":table", "grid_id": "", "kind": "table"}] if table else rows
