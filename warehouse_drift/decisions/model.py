"""Values that enter and leave the decision stage."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Verdict(str, Enum):
    """A decision. ``none`` always carries a reason code; ``not_judged`` means that no threshold was asked for."""

    OK = "ok"
    WARN = "warn"
    ALERT = "alert"
    NONE = "none"
    NOT_JUDGED = "not_judged"


SEVERITY: dict[Verdict, int | None] = {
    Verdict.OK: 0,
    Verdict.WARN: 1,
    Verdict.ALERT: 2,
    Verdict.NONE: None,
    Verdict.NOT_JUDGED: None,
}


@dataclass(frozen=True, slots=True)
class Summary:
    """One statistic of one column in one segment: a row of a statistic's SQL, the input of a decision.

    ``value`` lies in [``lower``, ``upper``]; all three None when the statistic could not be computed, then
    ``reason_code`` says why. ``test_value``/``test_df``: the chi-squared statistic and degrees of freedom that give the
    p-value of binned statistics; for rates ``test_value``/``test_df`` are the counts of hits (current, reference).
    ``segment`` is the display form ('all', 'country=DE'); ``expected`` is what the statistic is expected to be without
    drift (unseen_rate: Good-Turing), else None.
    """

    segment: str
    segment_column: str | None
    segment_value: str | None
    column_name: str
    column_kind: str
    role: str
    statistic: str
    value: float | None
    lower: float | None
    upper: float | None
    n_reference: int
    n_current: int
    test_value: float | None = None
    test_df: float | None = None
    expected: float | None = None
    bins: int | None = None
    reason_code: str | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided about one summary. ``raw`` is the verdict of this window alone, before the k-of-n rule."""

    summary: Summary
    verdict: Verdict
    raw: Verdict
    precision: str
    p_value: float | None
    p_value_adjusted: float | None
    warn_threshold: float | None
    alert_threshold: float | None
    threshold_source: str
    reason_code: str | None
    reason: str
