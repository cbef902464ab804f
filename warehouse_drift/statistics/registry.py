"""The ordered list of built-in statistics: what each measures, on which kinds of column, and how exact it is."""

from __future__ import annotations

from dataclasses import dataclass

NUMERIC = ("numeric", "datetime")
CATEGORICAL = ("categorical", "boolean")


@dataclass(frozen=True, slots=True)
class Statistic:
    """``source`` is what its SQL reads: bins, bounds (cumulative cells) or columns (totals)."""

    name: str
    title: str
    kinds: tuple[str, ...]
    source: str
    bounded: bool = False
    """True when the profile gives an interval that a second scan can close."""


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
)

BY_NAME = {s.name: s for s in BUILT_IN}
TABLE_STATISTICS = ("row_count",)


def names() -> tuple[str, ...]:
    return (*BY_NAME, *TABLE_STATISTICS)


def applicable(kind: str, wanted: tuple[str, ...] | None = None) -> tuple[Statistic, ...]:
    return tuple(s for s in BUILT_IN if kind in s.kinds and (wanted is None or s.name in wanted))
