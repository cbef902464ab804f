"""Binned statistics against SciPy and numpy on the raw rows, for every named choice of bins and of zero shares."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import stats
from scipy.spatial.distance import jensenshannon

from warehouse_drift.errors import UsageError
from warehouse_drift.grid.edges import Binning

Compared = Callable[..., dict[str, dict[str, Any]]]
BINNED = [
    "psi", "kl_divergence", "hellinger", "jensen_shannon", "jensen_shannon_e", "jensen_shannon_divergence", "g_test",
    "cramers_v", "cramers_v_corrected", "chi_squared", "chi_squared_one_sample", "chi_squared_yates", "total_variation",
    "l_infinity", "entropy_change", "two_proportion_z", "fisher",
]  # fmt: skip


def edges(rule: str, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The edges as numpy itself makes them, the outer ones infinite where the rule is open."""
    if rule == "sturges":
        return np.histogram_bin_edges(np.r_[x, y], "sturges")
    if rule == "doane":
        return np.histogram_bin_edges(x, "doane")
    inner = np.unique(
        np.linspace(x.min(), x.max(), 11) if rule == "equal_width" else np.quantile(x, np.linspace(0, 1, 11))
    )
    return np.r_[-np.inf, inner[1:-1], np.inf]


def counts(rule: str, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if rule == "values":
        both = np.unique(np.r_[x, y])
        return tuple(np.array([(s == v).sum() for v in both], dtype=float) for s in (x, y))  # type: ignore[return-value]
    e = edges(rule, x, y)
    found = [np.histogram(s, e)[0].astype(float) for s in (x, y)]
    if rule == "doane":
        found = [np.r_[f, len(s) - f.sum()] for f, s in zip(found, (x, y), strict=True)]
    return found[0], found[1]


def filled(counts: np.ndarray, rule: str) -> np.ndarray:
    share = counts / counts.sum()
    if rule == "laplace":
        return (counts + 0.5) / (counts.sum() + 0.5 * len(counts))
    if rule == "evidently":
        least = share[share > 0].min()
        return np.where(share > 0, share, least / 1e6 if least <= 1e-4 else 1e-4)
    return share


def draws(name: str, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    if name == "normal":
        return rng.normal(size=900), rng.normal(0.2, 1.3, 700)
    if name == "heavy":
        return rng.standard_t(2, 1200), rng.standard_t(2, 800) * 1.4
    if name == "ties":
        return rng.poisson(6, 500).astype(float), rng.poisson(7, 800).astype(float)
    return rng.uniform(0, 1, 300), rng.uniform(0.9, 2, 200)


@pytest.mark.parametrize("rule", ["sturges", "doane", "equal_width", "quantile_exact", "values"])
@pytest.mark.parametrize(
    "name", ["nearly_apart", *(pytest.param(n, marks=pytest.mark.slow) for n in ("normal", "heavy", "ties"))]
)
def test_bins_and_zero_shares(rule: str, name: str, compared: Compared) -> None:
    x, y = draws(name, np.random.default_rng(4))
    a, b = counts(rule, x, y)
    for zero in ("evidently", "laplace", "none"):
        rows = compared(x, y, statistics=["psi", "kl_divergence"], binning=Binning(rule), zero_shares=zero)
        p, q = filled(a, zero), filled(b, zero)
        with np.errstate(divide="ignore", invalid="ignore"):
            psi = np.nansum(np.where((p == 0) & (q == 0), 0, (q - p) * np.log(q / p)))
            kl = stats.entropy(p, q)
        for statistic, truth in (("psi", psi), ("kl_divergence", kl)):
            row = rows[statistic]
            assert (row["binning"], row["zero_shares"]) == (rule, zero)
            if math.isfinite(truth):
                assert row["value"] == pytest.approx(truth, rel=1e-9, abs=1e-12)
            else:
                assert row["value"] is None and row["reason_code"] == "zero_share"
    rows = compared(x, y, statistics=BINNED, binning=Binning(rule))
    p, q = a / a.sum(), b / b.sum()
    assert rows["jensen_shannon"]["value"] == pytest.approx(jensenshannon(p, q, 2), rel=1e-9)
    assert rows["jensen_shannon_e"]["value"] == pytest.approx(jensenshannon(p, q), rel=1e-9)
    assert rows["jensen_shannon_divergence"]["value"] == pytest.approx(jensenshannon(p, q, 2) ** 2, rel=1e-9)
    assert rows["hellinger"]["value"] == pytest.approx(math.sqrt(max(0.0, 1 - np.sqrt(p * q).sum())), rel=1e-9)
    assert rows["total_variation"]["value"] == pytest.approx(np.abs(p - q).sum() / 2, rel=1e-9)
    assert rows["l_infinity"]["value"] == pytest.approx(np.abs(p - q).max(), rel=1e-9)
    assert rows["entropy_change"]["value"] == pytest.approx(
        stats.entropy(q, base=2) - stats.entropy(p, base=2), abs=1e-9
    )
    table = np.array([a, b])[:, (a + b) > 0]
    check_tests(rows, table)


def check_tests(rows: dict[str, dict[str, Any]], table: np.ndarray) -> None:
    n, k = table.sum(), table.shape[1]
    plain = stats.chi2_contingency(table, correction=False)
    assert rows["chi_squared"]["value"] == pytest.approx(plain.statistic, rel=1e-9)
    assert rows["chi_squared"]["p_value"] == pytest.approx(plain.pvalue, rel=1e-6)
    yates = stats.chi2_contingency(table)
    assert rows["chi_squared_yates"]["value"] == pytest.approx(yates.statistic, rel=1e-9)
    assert rows["chi_squared_yates"]["p_value"] == pytest.approx(yates.pvalue, rel=1e-6)
    g = stats.chi2_contingency(table, lambda_="log-likelihood", correction=False)
    assert rows["g_test"]["value"] == pytest.approx(g.statistic, rel=1e-9)
    assert rows["g_test"]["p_value"] == pytest.approx(g.pvalue, rel=1e-6)
    phi = plain.statistic / n
    assert rows["cramers_v"]["value"] == pytest.approx(math.sqrt(phi), rel=1e-9)
    less = max(0.0, phi - (k - 1) / (n - 1))
    least = min(2 - 1 / (n - 1), k - (k - 1) ** 2 / (n - 1)) - 1
    if least > 0:
        assert rows["cramers_v_corrected"]["value"] == pytest.approx(math.sqrt(less / least), rel=1e-9, abs=1e-12)
    else:
        assert rows["cramers_v_corrected"]["reason_code"] == "not_computable"
    if (table[0] == 0).any():
        assert rows["chi_squared_one_sample"]["reason_code"] == "zero_share"
    else:
        one = stats.chisquare(table[1], table[0] * table[1].sum() / table[0].sum())
        assert rows["chi_squared_one_sample"]["value"] == pytest.approx(one.statistic, rel=1e-9)
        assert rows["chi_squared_one_sample"]["p_value"] == pytest.approx(one.pvalue, rel=1e-6)


@pytest.mark.parametrize("shares", [(0.4, 0.5), (0.02, 0.06), (0.5, 0.5)])
def test_two_values(shares: tuple[float, float], compared: Compared) -> None:
    rng = np.random.default_rng(9)
    x, y = (["yes" if i else "no" for i in rng.random(n) < s] for n, s in zip((450, 300), shares, strict=True))
    rows = compared(x, y, statistics=BINNED)
    table = np.array([[s.count("no"), s.count("yes")] for s in (x, y)], dtype=float)
    check_tests(rows, table)
    p = table[:, 1] / table.sum(axis=1)
    pool = table[:, 1].sum() / table.sum()
    z = (p[1] - p[0]) / math.sqrt(pool * (1 - pool) * (1 / 450 + 1 / 300))
    assert rows["two_proportion_z"]["value"] == pytest.approx(z, rel=1e-9)
    assert rows["two_proportion_z"]["p_value"] == pytest.approx(2 * stats.norm.sf(abs(z)), rel=1e-6)
    assert rows["fisher"]["value"] == pytest.approx(p[0] - p[1])
    assert rows["fisher"]["p_value"] == pytest.approx(stats.fisher_exact(table.astype(int))[1], rel=1e-6)
    assert rows["fisher"]["binning"] == "values"


def test_null_as_a_value(compared: Compared) -> None:
    x = ["a"] * 500 + ["b"] * 400 + [None] * 100
    y = ["a"] * 400 + ["b"] * 300 + [None] * 300
    rows = compared(x, y, statistics=["psi", "chi_squared"], binning=Binning("quantile_exact", missing=True))
    p, q = np.array([0.5, 0.4, 0.1]), np.array([0.4, 0.3, 0.3])
    assert rows["psi"]["value"] == pytest.approx(((q - p) * np.log(q / p)).sum())
    assert rows["psi"]["n_reference"] == 1000 and "NULL" in rows["psi"]["binning"]
    numbers = [*range(90), *[None] * 10], [*range(70), *[None] * 30]
    rows = compared(*numbers, statistics=["l_infinity"], binning=Binning("equal_width", missing=True))
    assert rows["l_infinity"]["value"] == pytest.approx(0.2)


def test_custom_edges(compared: Compared) -> None:
    x, y = np.arange(100.0), np.arange(50.0, 150.0)
    rows = compared(x, y, statistics=["total_variation"], binning=Binning("custom", edges={"v": (25.0, 75.0)}))
    assert rows["total_variation"]["value"] == pytest.approx(0.5)
    for wrong in ({}, {"v": (1.0,), "w": (2.0,)}):
        with pytest.raises(UsageError):
            compared(x, y, statistics=["psi"], binning=Binning("custom", edges=wrong))
    with pytest.raises(UsageError, match="sturges"):
        compared(x, y, binning=Binning("sturgis"))


def test_parity_options_do_not_change_the_defaults(compared: Compared) -> None:
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=800), rng.normal(0.1, 1, 600)
    plain, asked = compared(x, y), compared(x, y, statistics=["psi", "mann_whitney"])
    assert "mann_whitney" not in plain
    values = ("value", "value_lower", "value_upper")  # sums of doubles: their order depends on what else is in the statement
    assert [plain["psi"][k] for k in values] == pytest.approx([asked["psi"][k] for k in values], rel=1e-12)
    left_out = {*values, "p_value_adjusted"}
    assert {k: v for k, v in plain["psi"].items() if k not in left_out} == {k: v for k, v in asked["psi"].items() if k not in left_out}
