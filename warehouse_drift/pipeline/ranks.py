"""Rank statistics from cells: certified intervals, without a scan. The truth comes from values (``pipeline.values``)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from warehouse_drift.pipeline.metrics import Pooled, clean
from warehouse_drift.pipeline.session import Session
from warehouse_drift.statistics.finish import FINISH
from warehouse_drift.statistics.registry import BY_NAME


def ranked(statistics: Sequence[str]) -> list[str]:
    return [s for s in statistics if s in BY_NAME and BY_NAME[s].source == "ranks"]


def rank_sums(session: Session, pooled: Pooled, statistics: Sequence[str]) -> Markup | None:
    """One pass over the running counts for all of them; None where nothing is asked for or no column is numeric.

    ``pooled`` must have been made ``refinable``: its running counts are what is read.
    """
    wanted = ranked(statistics)
    if not wanted or pooled.cdf is None:
        return None
    return session.scratch("ranks", "metrics/rank_bounds", cdf=pooled.cdf, wanted=wanted)


def rank_summaries(
    session: Session, pooled: Pooled, sums: Markup | None, statistics: Sequence[str], *, columns: Markup | None = None
) -> list[dict[str, Any]]:
    """As ``metrics.summaries``, for the rank statistics among ``statistics``."""
    if sums is None:
        return []
    params = {"ranks": sums, "columns": columns or pooled.columns, "numeric": pooled.numeric}
    return [
        clean(FINISH.get(name, dict)(row))
        for name in ranked(statistics)
        for row in session.rows(f"statistics/{name}", **params)
    ]
