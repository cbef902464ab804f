"""The ordered list of built-in statistics: what each measures, on which kinds of column, and how exact it is."""

from __future__ import annotations

from dataclasses import dataclass

NUMERIC = ("numeric", "datetime")
CATEGORICAL = ("categorical", "boolean")


@dataclass(frozen=True, slots=True)
class Statistic:
    """``source`` is what its SQL reads: bins, bounds (cumulative cells), columns (totals), moments (means and
    squares, from sums), ranks (sums over cumulative
    cells, or over sorted values for the truth) or values (both sides' values, counted and sorted: one pass of its own)."""

    name: str
    title: str
    kinds: tuple[str, ...]
    source: str
    bounded: bool = False
    """True when the profile gives an interval that a second scan can close."""
    asked: bool = False
    """True when it is computed only when it is asked for by name or by a preset."""


BUILT_IN: tuple[Statistic, ...] = (
    Statistic("psi", "population stability index", NUMERIC + CATEGORICAL, "bins"),
    Statistic("jensen_shannon", "Jensen-Shannon distance (base 2)", NUMERIC + CATEGORICAL, "bins"),
    Statistic("ks", "Kolmogorov-Smirnov statistic", NUMERIC, "bounds", True),
    Statistic("wasserstein", "Wasserstein-1 distance", NUMERIC, "bounds", True),
    Statistic("wasserstein_normed", "Wasserstein-1 / reference standard deviation", NUMERIC, "bounds", True),
    Statistic("chi_squared", "two-sample chi-squared", NUMERIC + CATEGORICAL, "bins"),
    Statistic("total_variation", "total variation distance", NUMERIC + CATEGORICAL, "bins"),
    Statistic("l_infinity", "largest share difference", NUMERIC + CATEGORICAL, "bins"),
    Statistic("missing_rate", "share of missing values", (*NUMERIC, *CATEGORICAL, "text"), "columns"),
    Statistic(
        "missing_rate_change", "change of the share of missing values", (*NUMERIC, *CATEGORICAL, "text"), "columns"
    ),
    Statistic("unseen_rate", "share of values the reference never had", CATEGORICAL, "columns"),
    Statistic("vanished_rate", "share of the reference whose values are gone", CATEGORICAL, "bins"),
)

BINNED = NUMERIC + CATEGORICAL
BUILT_IN += tuple(
    Statistic(name, title, kinds, source, source == "ranks", asked=True)
    for name, title, kinds, source in (
        ("kl_divergence", "Kullback-Leibler divergence of reference from current (nats)", BINNED, "bins"),
        ("hellinger", "Hellinger distance", BINNED, "bins"),
        ("jensen_shannon_e", "Jensen-Shannon distance (base e)", BINNED, "bins"),
        ("jensen_shannon_divergence", "Jensen-Shannon divergence (base 2)", BINNED, "bins"),
        ("g_test", "two-sample G (likelihood ratio)", BINNED, "bins"),
        ("cramers_v", "Cramer's V", BINNED, "bins"),
        ("cramers_v_corrected", "Cramer's V, bias-corrected", BINNED, "bins"),
        ("chi_squared_one_sample", "one-sample chi-squared (reference taken as the truth)", BINNED, "bins"),
        ("chi_squared_yates", "two-sample chi-squared, Yates-corrected for 2 x 2", BINNED, "bins"),
        ("two_proportion_z", "two-proportion z", BINNED, "bins"),
        ("fisher", "Fisher's exact test (difference of the first share)", BINNED, "bins"),
        ("entropy_change", "change of entropy (bits)", BINNED, "bins"),
        ("out_of_range_rate", "share of values outside the reference's range", NUMERIC, "values"),
        ("mean_shift", "shift of the mean in reference standard deviations", NUMERIC, "moments"),
        ("median_shift", "shift of the median in reference standard deviations", NUMERIC, "values"),
        ("p05_shift", "shift of the 5 % quantile in reference standard deviations", NUMERIC, "values"),
        ("p95_shift", "shift of the 95 % quantile in reference standard deviations", NUMERIC, "values"),
        ("wasserstein_normed_floored", "Wasserstein-1 / max(reference standard deviation, 0.001)", NUMERIC, "bounds"),
        ("distinct_change", "relative change of the number of distinct values", BINNED, "values"),
        ("cramer_von_mises", "Cramer-von Mises statistic", NUMERIC, "ranks"),
        ("energy_distance", "energy distance", NUMERIC, "ranks"),
        ("mann_whitney", "Mann-Whitney: chance that a reference value is above a current one", NUMERIC, "ranks"),
        ("mann_whitney_less", "Mann-Whitney against 'current is larger' only", NUMERIC, "ranks"),
        ("welch_t", "Welch's t", NUMERIC, "moments"),
        ("student_t", "Student's t (equal variances)", NUMERIC, "moments"),
        ("anderson_darling", "Anderson-Darling k-sample statistic", NUMERIC, "ranks"),
        ("epps_singleton", "Epps-Singleton statistic", NUMERIC, "values"),
        ("kuiper", "Kuiper's statistic", NUMERIC, "ranks"),
    )
)

BY_NAME = {s.name: s for s in BUILT_IN}
DEFAULTS = tuple(s.name for s in BUILT_IN if not s.asked)
OUTCOMES = ("accuracy", "precision", "recall", "specificity", "f1")
"""of a model of two classes, from how many rows are tp, fp, fn and tn"""
ERRORS = ("mae", "rmse")
"""of a regression"""
PERFORMANCE = (*OUTCOMES, *ERRORS)
TABLE_STATISTICS = ("row_count", *PERFORMANCE)


def names() -> tuple[str, ...]:
    """What a monitor can measure: statistics that are read from values are for ``compare`` only."""
    return (*(s.name for s in BUILT_IN if s.source != "values"), *TABLE_STATISTICS)


def applicable(kind: str, wanted: tuple[str, ...] | None = None) -> tuple[Statistic, ...]:
    return tuple(s for s in BUILT_IN if kind in s.kinds and (wanted is None or s.name in wanted))
