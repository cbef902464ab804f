"""Summaries from rows of a statistic's SQL, and decisions as rows of ``drift_history``: the same in every verb."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from warehouse_drift.decisions.model import SEVERITY, Decision, Summary

ALL = ("all", None, None)
"""(segment as it is shown, its column, its value) of all rows."""


def summary_from(
    row: Mapping[str, Any],
    *,
    column_name: str,
    column_kind: str,
    role: str = "feature",
    segment: tuple[str, str | None, str | None] = ALL,
) -> Summary:
    """The input of a decision, from the summary columns that every statistic's template gives."""
    return Summary(
        *segment,
        column_name,
        column_kind,
        role,
        row["statistic"],
        row["value"],
        row["value_lower"],
        row["value_upper"],
        row["n_reference"],
        row["n_current"],
        test_value=row["test_value"],
        test_df=row["test_df"],
        expected=row["expected"],
        bins=row["bins"],
        reason_code=row["reason_code"],
    )


def decision_row(decision: Decision) -> dict[str, Any]:
    """A decision with the names and order of ``drift_history``, without what only a monitor's window has."""
    s = decision.summary
    return {
        "segment": s.segment,
        "segment_column": s.segment_column,
        "segment_value": s.segment_value,
        "column_name": s.column_name,
        "column_kind": s.column_kind,
        "role": s.role,
        "statistic": s.statistic,
        "value": s.value,
        "value_lower": s.lower,
        "value_upper": s.upper,
        "precision": "exact" if s.lower == s.upper else "certified",
        "p_value": decision.p_value,
        "p_value_adjusted": decision.p_value_adjusted,
        "n_reference": s.n_reference,
        "n_current": s.n_current,
        "warn_threshold": decision.warn_threshold,
        "alert_threshold": decision.alert_threshold,
        "threshold_source": decision.threshold_source,
        "decision": decision.verdict.value,
        "severity": SEVERITY[decision.verdict],
        "reason_code": decision.reason_code,
        "reason": decision.reason,
    }
