"""Detectors over the rows of one column in order: each is one window query that finds the first detection from a row on.

After a detection a detector starts anew on the next row, so there are as many queries as detections. Definitions as in
river 0.21: DDM (Gama and others, 2004), EDDM (Baena-Garcia and others, 2006), HDDM (Frias-Blanco and others, 2014),
Page-Hinkley and CUSUM (Page, 1954), ADWIN (Bifet and Gavalda, 2007).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from warehouse_drift.config.names import Names
from warehouse_drift.errors import UsageError
from warehouse_drift.pipeline.session import Session
from warehouse_drift.sql.environment import identifier
from warehouse_drift.sql.expressions import relation
from warehouse_drift.warehouse.execute import Warehouse
from warehouse_drift.warehouse.introspect import columns as source_columns

MOST_DETECTIONS = 500
CHECKS = 20
"""Checks of ADWIN a statement: each looks at some dozens of buckets."""


@dataclass(frozen=True, slots=True)
class Detections:
    """Row numbers, from 0 in the order of the stream. ``complete``: false when there were more than 500 drifts."""

    drifts: tuple[int, ...]
    first_warning: int | None
    complete: bool = True


def _ddm(warm: int = 30, warning: float = 2.0, drift: float = 3.0) -> Mapping[str, Any]:
    return {"warm": warm, "warning": warning, "drift": drift}


def _eddm(warm: int = 30, warning: float = 0.95, drift: float = 0.9) -> Mapping[str, Any]:
    return {"warm": warm, "warning": warning, "drift": drift}


def _hddm_a(warning: float = 0.005, drift: float = 0.001) -> Mapping[str, Any]:
    return {"half_log": math.log(1 / drift) / 2, "warning": math.log(2 / warning) / 2, "drift": math.log(2 / drift) / 2}


def _hddm_w(warning: float = 0.005, drift: float = 0.001, weight: float = 0.05) -> Mapping[str, Any]:
    kept = 1.0 - weight
    return {
        "weight": weight, "kept": kept, "square": kept * kept, "steady": weight * weight / (1.0 - kept * kept),
        "bound": math.log(1 / drift) / 2, "warning": math.log(1 / warning) / 2, "drift": math.log(1 / drift) / 2,
    }  # fmt: skip


def _page_hinkley(
    warm: int = 30, delta: float = 0.005, threshold: float = 50.0, alpha: float = 0.9999, mode: str = "both"
) -> Mapping[str, Any]:
    if mode not in ("both", "up", "down"):
        raise UsageError(f"The mode of page_hinkley is both, up or down, not {mode!r}.")
    ways = {"up": mode != "down", "down": mode != "up"}
    return {"warm": warm, "delta": float(delta), "threshold": float(threshold), "alpha": float(alpha)} | ways


def _cusum(mean: float = 0.0, allowance: float = 0.5, limit: float = 5.0) -> Mapping[str, Any]:
    return {"mean": float(mean), "allowance": float(allowance), "limit": float(limit)}


def _adwin(delta: float = 0.002, clock: int = 32, buckets: int = 5, least: int = 5, grace: int = 10) -> Mapping[str, Any]:
    return {"delta": float(delta), "clock": clock, "buckets": buckets, "least": least, "grace": grace}


DETECTORS: dict[str, Callable[..., Mapping[str, Any]]] = {
    "ddm": _ddm, "eddm": _eddm, "hddm_a": _hddm_a, "hddm_w": _hddm_w, "page_hinkley": _page_hinkley, "cusum": _cusum,
    "adwin": _adwin,
}  # fmt: skip
"""name -> its parameters, as the template wants them"""


def visited(width: int, buckets: int) -> list[tuple[int, int]]:
    """(rows before, rows up to) of ADWIN's buckets that a check after ``width`` rows looks at, oldest first.

    The exponential histogram is a function of the number of rows alone: a size holds at most ``buckets`` buckets, and
    when one more comes its two oldest become one of twice the size. As in river the newest of each size is passed over.
    """
    counts: list[int] = []
    left = width
    while left:
        # a size that got ``left`` buckets in all passes on two whenever it holds one too many
        merges = max(0, -(-(left - buckets) // 2))
        counts.append(left - 2 * merges)
        left = merges
    found, low = [], 0
    for power in range(len(counts) - 1, -1, -1):
        for place in range(counts[power]):
            if place < counts[power] - 1:
                found.append((low, low + 2**power))
            low += 2**power
    return found


def _adwin_from(session: Session, positions: Markup, start: int, given: Mapping[str, Any]) -> dict[str, Any]:
    """The first check from ``start`` on at which ADWIN cuts its window."""
    running = session.scratch("running", "streams/running", positions=positions, start=start)
    rows = int(session.rows("profile/row_count", source=running, filter=None)[0]["row_count"]) - 1
    clock = int(given["clock"])
    checks = [w for w in range(clock, rows + 1, clock) if w > given["grace"]]
    for first in range(0, len(checks), CHECKS):
        parts = [
            {"width": w, "place": place, "low": low, "high": high}
            for w in checks[first : first + CHECKS]
            for place, (low, high) in enumerate(visited(w, given["buckets"]))
        ]
        cut = session.rows("streams/adwin", running=running, parts=parts, least=given["least"], delta=given["delta"])[0]["width"]
        if cut is not None:
            return {"drift_at": start + int(cut) - 1, "warning_at": None}
    return {"drift_at": None, "warning_at": None}


def detect(
    warehouse: Warehouse, source: str, column: str, order_by: str, detector: str, parameters: Mapping[str, Any]
) -> Detections:
    """Where ``detector`` sees drift in ``column`` of a relation in the order of ``order_by``.

    DDM, EDDM and HDDM want 1 for an error and 0 for none. Raises UsageError for an unknown detector or parameter.
    """
    if detector not in DETECTORS:
        raise UsageError(f"There is no detector {detector!r}.", hint=f"Known: {', '.join(DETECTORS)}.")
    try:
        given = DETECTORS[detector](**parameters)
    except TypeError as error:
        raise UsageError(f"{detector}: {error}.") from error
    origin = relation(source, warehouse.dialect)
    names, spelled = Names(source_columns(warehouse, origin, source)), []
    for name in (order_by, column):
        if (one := names.find(name)) is None:
            raise UsageError(names.lack("The column", name, source))
        spelled.append(Markup("src.") + identifier(one.name))
    drifts: list[int] = []
    warning: int | None = None
    with Session(warehouse) as session:
        positions = session.scratch(
            "positions",
            "streams/positions",
            source=origin,
            order=spelled[0],
            x=spelled[1],
        )
        start = 0
        while len(drifts) < MOST_DETECTIONS:
            if detector == "adwin":
                found = _adwin_from(session, positions, start, given)
            else:
                found = session.rows(f"streams/{detector}", positions=positions, start=start, **given)[0]
            at, warned = found["drift_at"], found["warning_at"]
            if warning is None and warned is not None and (at is None or int(warned) < int(at)):
                warning = int(warned)
            if at is None:
                return Detections(tuple(drifts), warning)
            drifts.append(int(at))
            start = int(at) + 1
    return Detections(tuple(drifts), warning, complete=False)
