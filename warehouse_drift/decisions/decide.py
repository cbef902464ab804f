"""Decisions of one family: one monitor, comparison, window and baseline version; all columns, segments and tests.

An alert needs effect AND evidence. The effect is compared with the limits; the adjusted p-value is a gate that an
effect must pass, never a trigger. An interval that straddles a limit gives no decision but a reason with both bounds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from warehouse_drift.config.resolved import Threshold
from warehouse_drift.decisions import pvalues
from warehouse_drift.decisions.corrections import adjust
from warehouse_drift.decisions.model import Decision, Summary, Verdict
from warehouse_drift.decisions.sentences import sentence
from warehouse_drift.decisions.thresholds import effective

Key = tuple[str, str, str]
"""(segment, column_name, statistic)"""
_CHI = ("psi", "jensen_shannon", "chi_squared", "total_variation", "l_infinity")


@dataclass(frozen=True, slots=True)
class Rules:
    """``limits``: (column_name, statistic) -> Threshold; absent means not judged. ``alert_on``: segments ('country=DE')
    that may alert; other segments warn at most. ``k_of_n``: an alert stands when k of the newest n windows are alerts."""

    limits: Mapping[tuple[str, str], Threshold]
    adjustment: str = "benjamini_hochberg"
    p_gate: float = 0.01
    alert_on: frozenset[str] = frozenset()
    k_of_n: tuple[int, int] = (1, 1)
    noise: Mapping[Key, tuple[float, int]] = field(default_factory=dict)
    earlier: Mapping[Key, Sequence[Verdict]] = field(default_factory=dict)
    """raw verdicts of the windows before, newest first"""


def effect(summary: Summary, value: float) -> float:
    """How far a value is from no drift, in the unit of its limits."""
    if summary.statistic == "missing_rate_change":
        return abs(value)
    if summary.statistic == "unseen_rate":
        return max(0.0, value - (summary.expected or 0.0))
    if summary.statistic == "row_count":
        return float("inf") if value <= 0 else max(value, 1 / value) - 1
    return value


def p_interval(s: Summary) -> tuple[float, float] | None:
    """(lowest, highest) p-value that is consistent with the summary; None when the statistic has no test."""
    if s.value is None or s.lower is None or s.upper is None:
        return None
    if s.statistic == "ks":
        return pvalues.ks_pvalue(s.upper, s.n_reference, s.n_current), pvalues.ks_pvalue(
            s.lower, s.n_reference, s.n_current
        )
    if s.test_value is None or s.test_df is None:
        return None
    if s.statistic in _CHI:
        p = pvalues.chi_squared_pvalue(s.test_value, s.test_df)
    elif s.statistic == "missing_rate_change":
        p = pvalues.two_proportion_pvalue(s.test_value, s.n_current, s.test_df, s.n_reference)
    elif s.statistic == "unseen_rate":
        p = pvalues.unseen_pvalue(s.test_value, s.n_current, s.test_df, s.n_reference)
    else:
        return None
    return p, p


def decide(summaries: Sequence[Summary], rules: Rules) -> list[Decision]:
    """A decision for every summary, in the order given; each with one sentence that says why."""
    tests = [p_interval(s) for s in summaries]
    family = [
        i for i, s in enumerate(summaries) if tests[i] is not None and (s.column_name, s.statistic) in rules.limits
    ]
    low = dict(zip(family, adjust([t[0] for i in family if (t := tests[i])], rules.adjustment), strict=True))
    high = dict(zip(family, adjust([t[1] for i in family if (t := tests[i])], rules.adjustment), strict=True))
    return [_one(s, tests[i], low.get(i), high.get(i), rules) for i, s in enumerate(summaries)]


def _one(s: Summary, p: tuple[float, float] | None, low: float | None, high: float | None, rules: Rules) -> Decision:
    limit = rules.limits.get((s.column_name, s.statistic))
    precision = "exact" if s.lower == s.upper else "bounded"
    noise, windows = rules.noise.get((s.segment, s.column_name, s.statistic), (None, 0))
    warn, alert, source = effective(limit, noise, windows) if limit else (None, None, "not judged")
    code = s.reason_code
    if (
        code is None
        and limit is not None
        and (warn is not None or alert is not None)
        and s.statistic in ("psi",)
        and s.bins is not None
        and s.bins > 1
    ):
        slack = (s.bins - 1) * (1 / max(s.n_reference, 1) + 1 / max(s.n_current, 1))
        if limit.warn is not None and slack > limit.warn / 5 * 1.0001:
            code = "insufficient"
    if limit is None and code is None:
        raw = Verdict.NOT_JUDGED
    elif code is not None or s.value is None or s.lower is None or s.upper is None:
        raw, code = Verdict.NONE, code or "not_computable"
    else:
        raw, code = _verdict(effect(s, s.lower), effect(s, s.upper), low, high, warn, alert, rules.p_gate)
    verdict = raw
    if raw is Verdict.ALERT:
        k, n = rules.k_of_n
        seen = 1 + sum(
            1
            for v in list(rules.earlier.get((s.segment, s.column_name, s.statistic), ()))[: n - 1]
            if v is Verdict.ALERT
        )
        if seen < k:
            verdict, code = Verdict.WARN, "awaiting_confirmation"
        if s.segment != "all" and s.segment not in rules.alert_on:
            verdict, code = Verdict.WARN, "segment"
    value_p = p[1] if p else None
    return Decision(
        s,
        verdict,
        raw,
        precision,
        value_p,
        high,
        warn,
        alert,
        source,
        code,
        sentence(s, verdict, code, warn, alert, high, noise, rules),
    )


def _verdict(
    least: float,
    most: float,
    low: float | None,
    high: float | None,
    warn: float | None,
    alert: float | None,
    gate: float,
) -> tuple[Verdict, str | None]:
    least, most = min(least, most), max(least, most)
    floor = min(x for x in (warn, alert) if x is not None) if warn is not None or alert is not None else float("inf")
    if most < floor:
        return Verdict.OK, None
    if low is not None and high is not None:
        if low >= gate:
            return Verdict.OK, "no_evidence"
        if high >= gate:
            return Verdict.NONE, "not_refinable"

    def level(x: float) -> Verdict:
        if alert is not None and x >= alert:
            return Verdict.ALERT
        return Verdict.WARN if warn is not None and x >= warn else Verdict.OK

    if level(least) is not level(most):
        return Verdict.NONE, "not_refinable"
    return level(most), None
