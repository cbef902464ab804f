"""The decisions of one family: all summaries of one (monitor, comparison, window, baseline version).

An alert needs effect and evidence. Every summary that carries a limit is looked at from both ends of its interval:
(lower effect, largest adjusted p) and (upper effect, smallest adjusted p). A verdict only rises with the effect and
falls with p, and so does the adjustment of the family; where both ends agree, the exact value could not say anything
else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from warehouse_drift.config.resolved import ComparisonSpec, DatasetRule, ResolvedMonitor, Threshold
from warehouse_drift.decisions import pvalues, sentences
from warehouse_drift.decisions.corrections import adjust
from warehouse_drift.decisions.evidence import EVIDENCE, p_ends
from warehouse_drift.decisions.model import Decision, Summary, Verdict
from warehouse_drift.decisions.thresholds import effect as effect
from warehouse_drift.decisions.thresholds import effective, effects, enough_rows, needed_rows

Key = tuple[str, str, str]
"""(segment, column_name, statistic)"""
Noise = Mapping[Key, tuple[float, int]]
TABLE_COLUMN = ":table"
COLUMN_STATE = "column_state"
"""Statistic of the one row that a column gets which cannot be measured at all."""
DRIFTED_SHARE = "drifted_share"
PEARSON = ("psi", "jensen_shannon", "chi_squared", "total_variation", "l_infinity", "hellinger")
_RANK = {Verdict.OK: 0, Verdict.WARN: 1, Verdict.ALERT: 2}


@dataclass(frozen=True, slots=True)
class Rules:
    """Everything that decides, apart from the numbers."""

    limits: Mapping[tuple[str, str], Threshold] = field(default_factory=dict)
    """(column, statistic) -> limits; absent means not judged. ``:table`` is the column of the table rows."""
    adjustment: str = "benjamini_hochberg"
    p_gate: float = 0.01
    alert_on: frozenset[str] = frozenset()
    """segments ('country=DE') whose alerts are not lowered to warnings"""
    k_of_n: tuple[int, int] = (1, 1)
    noise: Noise = field(default_factory=dict)
    earlier: Mapping[Key, Sequence[Verdict]] = field(default_factory=dict)
    """raw verdicts of the windows before, newest first"""
    unnamed: frozenset[str] = frozenset()
    """columns that came from a pattern: missing, they warn"""
    min_rows: Mapping[str, int] = field(default_factory=dict)
    """segment column -> rows a segment needs"""
    dataset: DatasetRule = field(default_factory=DatasetRule)


def rules_from(monitor: ResolvedMonitor, comparison: ComparisonSpec) -> Rules:
    columns = (*monitor.columns, *monitor.missing_columns)
    limits = {(c.name, statistic): t for c in columns for statistic, t in c.thresholds.items()}
    limits |= {(TABLE_COLUMN, statistic): t for statistic, t in monitor.table_thresholds.items()}
    return Rules(
        limits,
        monitor.adjustment,
        monitor.p_gate,
        frozenset(f"{s.column}={value}" for s in monitor.segments for value in s.alert_on),
        comparison.k_of_n,
        unnamed=frozenset(c.name for c in columns if not c.named),
        min_rows={s.column: s.min_rows for s in monitor.segments},
        dataset=monitor.dataset,
    )


def column_state(name: str, kind: str, role: str, code: str, detail: str = "") -> Summary:
    """The one row of a column that cannot be measured: ``column_missing``, ``type_changed``, ``no_baseline``, ..."""
    return Summary(
        "all", None, None, name, kind, role, COLUMN_STATE, None, None, None, 0, 0, reason_code=code, detail=detail
    )


def key_of(summary: Summary) -> Key:
    return summary.segment, summary.column_name, summary.statistic


def p_values(summary: Summary, *, judged: bool = True) -> tuple[float, float, float] | None:
    """(smallest, at the value, largest) p; None where the statistic has no test or the counts for it are missing.

    The ends matter only where something is judged, and a KS that nobody judges has a p-value over all rows only: exact
    p-values of small samples are not cheap, and a monitor has many segments.
    """
    s = summary
    if s.statistic == "ks" and not judged and s.segment != "all":
        return None
    if s.value is None or s.lower is None or s.upper is None or s.n_reference < 1 or s.n_current < 1:
        return None
    if s.statistic == "ks":
        ends = (s.upper, s.value, s.lower) if judged else (s.value,) * 3
        known = {d: pvalues.ks_pvalue(min(max(d, 0.0), 1.0), s.n_reference, s.n_current) for d in {*ends}}
        at = [known[d] for d in ends]
        return min(at), at[1], max(at)
    if s.statistic in EVIDENCE:
        return p_ends(s)
    if s.test_value is None or s.test_df is None:
        return None
    if s.statistic in PEARSON:
        p = pvalues.chi_squared_pvalue(s.test_value, s.test_df)
    elif s.statistic == "missing_rate_change":
        p = pvalues.two_proportion_z(s.test_df, s.n_reference, s.test_value, s.n_current)[1]
    elif s.statistic == "unseen_rate":
        p = pvalues.unseen_pvalue(round(s.test_value), s.n_current, round(s.test_df), s.n_reference)
    else:
        return None
    return p, p, p


@dataclass(frozen=True, slots=True)
class _Case:
    """A summary with its limits, effects and p-values; ``code`` when it cannot be judged."""

    summary: Summary
    judged: bool
    warn: float | None
    alert: float | None
    source: str
    effect: tuple[float, float, float] | None
    p: tuple[float, float, float] | None
    code: str | None
    adjusted: tuple[float, float, float] | None = None

    @property
    def in_family(self) -> bool:
        return self.judged and self.code is None and self.p is not None

    def verdict(self, effect: float, p: float | None, gate: float) -> Verdict:
        limits = [x for x in (self.warn, self.alert) if x is not None]
        if effect < min(limits) or (p is not None and p >= gate):
            return Verdict.OK
        return Verdict.ALERT if self.alert is not None and effect >= self.alert else Verdict.WARN

    def ends(self, gate: float) -> tuple[Verdict, Verdict]:
        assert self.effect is not None
        low_p, _, high_p = self.adjusted or (None, None, None)
        return self.verdict(self.effect[0], high_p, gate), self.verdict(self.effect[2], low_p, gate)


def _cases(summaries: Iterable[Summary], rules: Rules, noise: Noise) -> list[_Case]:
    cases = []
    for s in summaries:
        threshold = rules.limits.get((s.column_name, s.statistic))
        judged = threshold is not None and (threshold.warn is not None or threshold.alert is not None)
        warn, alert, source = None, None, ""
        if threshold is not None and judged:
            largest, windows = noise.get(key_of(s), (None, 0))
            warn, alert, source = effective(threshold, largest, windows)
        effect = effects(s)
        code = s.reason_code
        if code == "source_changed" and effect is not None:
            code = None  # an interval that stayed open may still be clear of every limit
        if code is None and effect is None:
            code = "not_computable"
        if code is None and judged and s.n_current < rules.min_rows.get(s.segment_column or "", 0):
            code = "insufficient"
        first = warn if warn is not None else alert
        if code is None and s.statistic == "psi" and s.bins is not None and first is not None:
            code = None if enough_rows(s.bins, s.n_reference, s.n_current, first) else "insufficient"
        cases.append(_Case(s, judged, warn, alert, source, effect, p_values(s, judged=judged), code))
    family = [i for i, c in enumerate(cases) if c.in_family]
    ends = []
    for which in range(3):
        ends.append(adjust([(cases[i].p or (1.0,) * 3)[which] for i in family], rules.adjustment))
    for place, i in enumerate(family):
        c = cases[i]
        adjusted = ends[0][place], ends[1][place], ends[2][place]
        cases[i] = _Case(c.summary, c.judged, c.warn, c.alert, c.source, c.effect, c.p, c.code, adjusted)
    return cases


def needs_refinement(summaries: Sequence[Summary], rules: Rules, noise: Noise | None = None) -> list[Key]:
    """The intervals that have to be closed before every judged summary has one answer.

    A summary is listed when its own interval leaves two answers, or when its p interval could move the adjusted p of
    another one that is open: a p above the gate never counts in any adjustment, a p below gate / family always does.
    """
    cases = _cases(summaries, rules, noise or rules.noise)
    open_cases = [c for c in cases if _is_open(c, rules)]
    size = sum(c.in_family for c in cases)
    moved_by_others = any(c.effect is not None and c.effect[0] == c.effect[2] for c in open_cases)
    found = []
    for c in cases:
        if c.effect is None or c.effect[0] == c.effect[2] or c.summary.reason_code == "source_changed":
            continue
        sways = (
            rules.adjustment != "none" and moved_by_others and c.in_family and c.p is not None
            and c.p[0] <= rules.p_gate and c.p[2] > rules.p_gate / size
        )  # fmt: skip
        if sways or any(c is o for o in open_cases):
            found.append(key_of(c.summary))
    return found


def _is_open(case: _Case, rules: Rules) -> bool:
    if not case.judged or case.code is not None:
        return False
    low, high = case.ends(rules.p_gate)
    return low is not high


def decide(
    summaries: Sequence[Summary],
    rules: Rules,
    noise: Noise | None = None,
    previous_raw: Mapping[Key, Sequence[Verdict]] | None = None,
) -> list[Decision]:
    """One decision a summary, in the same order; at the end the data set's own row (``drifted_share``) if it has a limit.

    Args:
        noise: key -> (largest effect among the baseline's own windows, number of those windows).
        previous_raw: key -> raw verdicts of the windows before this one, newest first (for k_of_n).
    """
    before = previous_raw or rules.earlier
    decisions = [
        _decision(c, rules, before.get(key_of(c.summary), ())) for c in _cases(summaries, rules, noise or rules.noise)
    ]
    if (rules.dataset.warn, rules.dataset.alert) == (None, None):
        return decisions
    return [*decisions, _dataset(decisions, rules)]


def _precision(summary: Summary) -> str:
    if summary.value is None:
        return "none"
    return "exact" if summary.lower == summary.upper else "certified"


def _decision(case: _Case, rules: Rules, before: Sequence[Verdict]) -> Decision:
    s = case.summary
    code, raw, verdict = case.code, Verdict.NONE, Verdict.NONE
    if s.reason_code == "column_missing" and (case.judged or s.statistic == COLUMN_STATE):
        raw = verdict = Verdict.WARN if s.column_name in rules.unnamed else Verdict.ALERT
    elif s.statistic == COLUMN_STATE:
        pass
    elif not case.judged:
        raw = verdict = Verdict.NOT_JUDGED if code is None else Verdict.NONE
    elif code is None:
        low, high = case.ends(rules.p_gate)
        if low is not high:
            code = "source_changed" if s.reason_code == "source_changed" else "not_refinable"
        else:
            raw = verdict = low
            assert case.effect is not None
            limits = [x for x in (case.warn, case.alert) if x is not None]
            if raw is Verdict.OK and case.effect[2] >= min(limits):
                code = "no_evidence"
            if raw is Verdict.ALERT and s.segment != "all" and s.segment not in rules.alert_on:
                raw, code = Verdict.WARN, "segment"
            verdict = raw
            needed, windows = rules.k_of_n
            if raw is Verdict.ALERT and 1 + sum(v is Verdict.ALERT for v in before[: windows - 1]) < needed:
                verdict, code = Verdict.WARN, "awaiting_confirmation"
    reason = _reason(case, verdict, raw, code, rules, before)
    p = None if case.p is None else case.p[1]
    adjusted = None if case.adjusted is None else case.adjusted[1]
    return Decision(s, verdict, raw, _precision(s), p, adjusted, case.warn, case.alert, case.source, code, reason)


def _reason(
    case: _Case, verdict: Verdict, raw: Verdict, code: str | None, rules: Rules, before: Sequence[Verdict]
) -> str:
    s = case.summary
    who = sentences.subject(s)
    explained = case.judged and code in ("insufficient", "not_refinable", "source_changed")
    if s.statistic == COLUMN_STATE or (verdict is Verdict.NONE and not explained):
        said = sentences.REASONS.get(code or "", "no decision is possible")
        return f"{who}: {said}{f' ({s.detail})' if s.detail else ''}."
    if verdict is Verdict.NOT_JUDGED:
        return f"{who}: {sentences.measured(s)}; stored for information, no limit is set for it."
    first = case.warn if case.warn is not None else case.alert
    assert first is not None
    if code == "insufficient":
        return f"{who}: {_too_few(case, first, rules)}"
    seen = sentences.measured(s)
    if code in ("not_refinable", "source_changed"):
        why = sentences.REASONS[code] if code == "source_changed" else "it was not scanned again"
        around = [
            f"{n} {sentences.limit(s.statistic, x)}"
            for n, x in (("warn", case.warn), ("alert", case.alert))
            if x is not None
        ]
        if case.effect is not None and case.effect[0] == case.effect[2]:
            return f"{who}: {seen}, but whether chance explains it depends on columns known only as intervals ({' / '.join(around)})."
        return f"{who}: {seen}, which leaves two answers ({' / '.join(around)}), and {why}."
    if code == "column_missing":
        return f"{who}: {sentences.REASONS[code]}."
    p = None if case.adjusted is None else case.adjusted[1]
    if code == "no_evidence" and p is not None:
        return (
            f"{who}: {seen}, which reaches the limit {sentences.limit(s.statistic, first)}, but a difference like this"
            f" is not unusual by chance (adjusted {sentences.chance(p)}, needed below {rules.p_gate:g})."
        )
    if raw is Verdict.OK:
        return f"{who}: {seen}, under the warning limit {sentences.limit(s.statistic, first)}."
    reached_alert = raw is Verdict.ALERT or code == "segment"
    at = case.alert if reached_alert and case.alert is not None else first
    word = "alert" if reached_alert else "warning"
    proof = "" if p is None else f", and chance hardly explains it (adjusted {sentences.chance(p)})"
    text = f"{who}: {seen}, at or above the {word} limit {sentences.limit(s.statistic, at)}{proof}"
    if code == "segment":
        return f"{text}; a warning, because this segment is not listed in alert_on."
    if code == "awaiting_confirmation":
        needed, windows = rules.k_of_n
        have = 1 + sum(v is Verdict.ALERT for v in before[: windows - 1])
        return f"{text}; a warning until {needed} of the newest {windows} windows are alerts (now {have})."
    return f"{text}."


def _too_few(case: _Case, first: float, rules: Rules) -> str:
    s = case.summary
    least = rules.min_rows.get(s.segment_column or "", 0)
    if s.n_current < least:
        return f"{s.n_current:,} rows are too few for a judgement; this segment needs {least:,}."
    needed = needed_rows(2, s.n_reference, first)
    if needed is None:
        return (
            f"the reference has too few rows ({s.n_reference:,}) for a limit of {sentences.limit(s.statistic, first)}."
        )
    return f"{s.n_current:,} rows are too few for a judgement at the limit {sentences.limit(s.statistic, first)}; it needs {needed:,}."


def _dataset(decisions: Sequence[Decision], rules: Rules) -> Decision:
    """Share of the columns (over all rows, not segments) that warn or alert among those with any decision."""
    own = [d for d in decisions if d.summary.segment == "all" and d.summary.column_name != TABLE_COLUMN]
    decided = {d.summary.column_name for d in own if d.verdict in _RANK}
    drifted = {d.summary.column_name for d in own if d.verdict in (Verdict.WARN, Verdict.ALERT)}
    count = len(decided)
    share = len(drifted) / count if count else None
    code = None if count else "nothing_decided"
    summary = Summary(
        "all", None, None, TABLE_COLUMN, "table", "", DRIFTED_SHARE, share, share, share, count, count, reason_code=code
    )
    warn, alert = rules.dataset.warn, rules.dataset.alert
    case = _Case(summary, True, warn, alert, "dataset rule of the monitor", effects(summary), None, code)
    return _decision(case, Rules(), ())
