"""Words: what a decision says to somebody who is no statistician. Pure functions of summaries and decisions."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Iterable

from warehouse_drift.decisions.model import Decision, Summary, Verdict
from warehouse_drift.statistics.registry import ERRORS, PERFORMANCE

_TO_RUN = re.compile(r"warehouse-drift (?:baseline refresh|check|incidents|migrate|run)\b(?! -c)")
"""Commands that read the configuration, as errors and advice name them."""

REASONS: dict[str, str] = {
    "no_data": "one side has no rows, or no values, to compare",
    "insufficient": "too few rows for a judgement: chance alone could reach the limit",
    "not_computable": "the statistic has no finite value here",
    "infinite_values": "the column holds infinite values, so the distance is infinite or undefined",
    "zero_share": "a bin is empty on one side only, so without a rule for such shares the value is infinite",
    "one_value": "both sides hold one and the same single value or bin, so nothing can be compared",
    "not_two_values": "the test needs a column with two values",
    "constant_reference": "the reference has one value only, so its spread is zero",
    "not_refinable": "the answer is only known as an interval that holds a limit, and it was not scanned again",
    "source_changed": "the source changed between two scans, so the interval could not be closed",
    "type_changed": "the column's type is no longer that of the reference",
    "unsupported_type": "of columns of this type only missing values can be told; a part of it can be measured in an expression",
    "column_missing": "the column is gone from the source",
    "no_baseline": "the reference does not have this column, or no reference exists yet",
    "partial": "the window is not complete yet",
    "immature": "the values of this window are not due yet",
    "grid_changed": "the profiles were made on different grids and cannot be compared",
    "grid_outgrown": "too many values lie outside the range that the baseline's cells cover: it is time for a newer baseline",
    "nothing_decided": "no column could be decided, so there is no share of drifted columns",
    "no_evidence": "the difference reaches a limit, but chance explains it",
    "awaiting_confirmation": "an alert that has not been seen in enough windows yet: a warning until then",
    "segment": "an alert in a segment that is not listed in alert_on: a warning",
}
"""reason code -> what it means; the docs list exactly these."""

TITLES = {
    "psi": "PSI",
    "ks": "KS distance",
    "wasserstein": "Wasserstein distance",
    "wasserstein_normed": "Wasserstein distance (in reference standard deviations)",
    "jensen_shannon": "Jensen-Shannon distance",
    "hellinger": "Hellinger distance",
    "chi_squared": "chi-squared",
    "total_variation": "total variation distance",
    "l_infinity": "largest share difference",
    "wasserstein_normed_floored": "Wasserstein distance (in reference standard deviations)",
    "jensen_shannon_e": "Jensen-Shannon distance (base e)",
    "jensen_shannon_divergence": "Jensen-Shannon divergence",
    "kl_divergence": "Kullback-Leibler divergence",
    "mean_shift": "the shift of the mean (in reference standard deviations)",
    "median_shift": "the shift of the median (in reference standard deviations)",
    "p05_shift": "the shift of the 5 % quantile (in reference standard deviations)",
    "p95_shift": "the shift of the 95 % quantile (in reference standard deviations)",
    "out_of_range_rate": "the share of values outside the reference's range",
    "distinct_change": "the relative change of the number of distinct values",
    "entropy_change": "the change of entropy (bits)",
    "roc_auc": "ROC AUC",
    "f1": "F1",
    "mae": "mean absolute error",
    "mape": "mean absolute error (relative to the label)",
    "mse": "mean squared error",
    "rmse": "root mean squared error",
    "msle": "mean squared error of logarithms",
    "rmsle": "root mean squared error of logarithms",
    "cramers_v": "Cramer's V",
    "cramers_v_corrected": "Cramer's V (bias-corrected)",
}
UNNAMED = "<value not stored>"
"""The label of a bin of one value whose column stores none."""
_RARE = 1e-5
"""Shares under it are none for a reader."""
_RATES = ("missing_rate_change", "unseen_rate", "vanished_rate", "out_of_range_rate", "drifted_share", "missing_rate")


def subject(summary: Summary) -> str:
    name = {":table": "The table"}.get(summary.column_name, summary.column_name)
    return name if summary.segment == "all" else f"{name} in {summary.segment}"


def detail_of(reason: str, code: str | None) -> str:
    """What a stored sentence says in brackets after the words of its reason code; '' where it says no more."""
    _, found, rest = reason.partition(f": {REASONS.get(code or '', '')} (")
    return rest.removesuffix(").") if found else ""


def title(statistic: str) -> str:
    if statistic.startswith("estimated_"):
        return f"estimated {title(statistic.removeprefix('estimated_'))}"
    return TITLES.get(statistic, statistic.replace("_", " "))


def number(value: float) -> str:
    """Four significant digits, thousands separated; very large and very small in powers of ten."""
    if value == int(value) and abs(value) < 1e9:
        return f"{int(value):,}"
    return f"{value:,.1f}" if 1000 <= abs(value) < 1e9 else f"{value:.4g}"


def limit(statistic: str, value: float) -> str:
    return f"{100 * value:.4g} %" if statistic in _RATES else number(value)


def measured(summary: Summary) -> str:
    """What was seen, as a clause without a full stop."""
    value, low, high = summary.value, summary.lower, summary.upper
    if value is None or low is None or high is None:
        return f"{title(summary.statistic)} has no value"
    if summary.statistic == "missing_rate_change":
        if value == 0:
            return "the share of missing values is the same"
        way = "rose" if value > 0 else "fell"
        return f"the share of missing values {way} by {100 * abs(value):.3g} percentage points"
    if summary.statistic == "unseen_rate":
        known = "" if summary.expected is None else f" ({_expected(summary.expected)} would be expected)"
        return f"{100 * value:.3g} % of the values never occur in the reference{known}"
    if summary.statistic == "vanished_rate":
        gone = "" if summary.expected is None else f" ({_expected(summary.expected)} would be expected)"
        return f"{100 * value:.3g} % of the reference's rows hold values that do not occur any more{gone}"
    if summary.statistic == "row_count":
        if summary.expected is None:
            return f"the number of rows is {number(value)} times the reference's"
        return f"{number(value)} rows, where the reference has {number(summary.expected)} in such a window"
    if summary.statistic in PERFORMANCE and summary.column_name == ":table" and summary.expected is not None:
        by = value - summary.expected
        much = number(abs(by))
        if summary.statistic in ERRORS and summary.expected > 0:
            much = f"{100 * abs(by) / summary.expected:.3g} %"
        way = "as in the reference" if by == 0 else f"{much} {'above' if by > 0 else 'below'} the reference's {number(summary.expected)}"
        return f"{title(summary.statistic)} is {number(value)}, {way}"
    if summary.statistic == "drifted_share":
        return (
            f"{round(value * summary.n_current)} of {summary.n_current} decided columns drifted ({100 * value:.3g} %)"
        )
    if low < high:
        return f"{title(summary.statistic)} is between {number(low)} and {number(high)}"
    return f"{title(summary.statistic)} is {number(value)}"


def _expected(share: float) -> str:
    return "hardly any" if 0 < share < _RARE else f"{100 * share:.3g} %"


def chance(adjusted: float) -> str:
    return "p < 0.0001" if adjusted < 1e-4 else f"p = {adjusted:.2g}"


def run_counts(decisions: Iterable[Decision]) -> str:
    """``312 decided, 14 undecided (9 insufficient, 5 type_changed)``; statistics that nobody judges do not count."""
    judged = [d for d in decisions if d.verdict is not Verdict.NOT_JUDGED]
    undecided = Counter(d.reason_code or "" for d in judged if d.verdict is Verdict.NONE)
    total = sum(undecided.values())
    if not total:
        return f"{len(judged)} decided, 0 undecided"
    why = ", ".join(f"{n} {code}" for code, n in sorted(undecided.items(), key=lambda item: (-item[1], item[0])))
    return f"{len(judged) - total} decided, {total} undecided ({why})"


def headline(decision: Decision, noise: float | None = None) -> str:
    """``amount PSI 0.41 (alert 0.25; own noise 0.06)``: the short form for the end of a run."""
    s = decision.summary
    name = s.column_name if s.segment == "all" else f"{s.column_name} [{s.segment}]"
    label = f"{name} {title(s.statistic)}" + ("" if s.value is None else f" {number(s.value)}")
    at = decision.alert_threshold if decision.verdict is Verdict.ALERT else decision.warn_threshold
    notes = [] if at is None else [f"{decision.verdict.value} {limit(s.statistic, at)}"]
    if noise is not None:
        notes.append(f"own noise {number(noise)}")
    return f"{label} ({'; '.join(notes)})" if notes else label


def explain_command(monitor: str, column: str, config: str = "drift.yml") -> str:
    """What shows the reasons, ready for a shell; ``config`` is left out where it is the default."""
    return f"warehouse-drift explain {shlex.quote(monitor)} {shlex.quote(column)}{config_option(config)}"


def config_option(config: str) -> str:
    """`` -c other.yml`` for a command; empty where ``config`` is the default."""
    return "" if config == "drift.yml" else f" -c {shlex.quote(config)}"


def with_config(text: str, config: str) -> str:
    """The text, with the configuration in every command that it tells to run and that reads one."""
    return _TO_RUN.sub(lambda found: found[0] + config_option(config), text)


def newer_baseline(monitor: str, own_table: bool, config: str = "drift.yml") -> str:
    """How a monitor gets a newer baseline: one that is a table of its own is read anew, a range of time is moved."""
    if not own_table:
        return "if this is here to stay, move the baseline's from and to"
    command = f"warehouse-drift baseline refresh --select {shlex.quote(monitor)}{config_option(config)}"
    return f"when the reference holds such rows, run: {command}"


def incident(
    column_name: str, statistic: str, segment: str, since: str, windows: int, peak: float, severity: int
) -> str:
    """One sentence for one incident, however many windows it lasts."""
    where = "" if segment == "all" else f" in {segment}"
    many = "1 window" if windows == 1 else f"{windows} windows"
    word = "alert" if severity >= 2 else "warning"
    return f"{column_name}{where}: {word} since {since}, {many}; highest {title(statistic)} {number(peak)}."
