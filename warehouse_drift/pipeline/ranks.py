"""Rank statistics and tests of means from cells, without a scan: intervals of the former (``pipeline.values`` has the
truth), and the latter from sums."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from warehouse_drift.pipeline.metrics import Pooled, at_once, clean
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
    session: Session,
    pooled: Pooled,
    sums: Markup | None,
    statistics: Sequence[str],
    *,
    columns: Markup | None = None,
    expected: int = 1,
) -> list[dict[str, Any]]:
    """As ``metrics.summaries``, for the rank statistics among ``statistics``: as many in a statement."""
    if sums is None:
        return []
    params = {"ranks": sums, "columns": columns or pooled.columns, "numeric": pooled.numeric}
    names = ranked(statistics)
    parts = [session.part(f"statistics/{name}", **params) for name in names]
    rows = []
    for some in at_once(parts, expected):
        rows += session.rows("metrics/rank_statistics", parts=some)
    return [clean(FINISH.get(row["statistic"], dict)(row)) for row in rows]


def moment_summaries(
    session: Session, pooled: Pooled, statistics: Sequence[str], *, columns: Markup | None = None
) -> list[dict[str, Any]]:
    """As ``metrics.summaries``, for the tests of means among ``statistics``. The cells must hold squares of both sides."""
    wanted = [s for s in statistics if s in BY_NAME and BY_NAME[s].source == "moments"]
    if not wanted or not pooled.numeric:
        return []
    read = {"cells": pooled.cells, "columns": columns or pooled.columns, "numeric": pooled.numeric}
    moments = session.scratch("moments", "metrics/pooled_moments", **read)
    return [clean(row) for name in wanted for row in session.rows(f"statistics/{name}", columns=moments)]
