"""What a careful analyst would write with pandas and SciPy: read both tables, compute the same statistics, print JSON.

Run as a process of its own, so that imports and reading count as they do for ``warehouse-drift compare``.
"""

from __future__ import annotations

import json
import sys

import duckdb
import numpy as np
import pandas as pd
from scipy import stats


def binned(p: np.ndarray, q: np.ndarray) -> dict[str, float]:
    """PSI, Jensen-Shannon, total variation and L-infinity from two vectors of counts."""
    table = np.array([p, q])
    a, b = p / p.sum(), q / q.sum()
    fa, fb = np.where(a == 0, 0.5 / p.sum(), a), np.where(b == 0, 0.5 / q.sum(), b)
    m = (a + b) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        js = np.nansum(a * np.log2(a / m)) / 2 + np.nansum(b * np.log2(b / m)) / 2
    return {
        "psi": float(((fb - fa) * np.log(fb / fa)).sum()),
        "jensen_shannon": float(np.sqrt(max(js, 0.0))),
        "total_variation": float(np.abs(a - b).sum() / 2),
        "l_infinity": float(np.abs(a - b).max()),
        "chi_squared": float(stats.chi2_contingency(table[:, table.sum(axis=0) > 0], correction=False).pvalue),
    }


def numeric(r: pd.Series, c: pd.Series) -> dict[str, float]:
    x, y = r.dropna().to_numpy(float), c.dropna().to_numpy(float)
    edges = np.unique(np.quantile(x, np.linspace(0.1, 0.9, 9)))
    counts = [np.bincount(np.searchsorted(edges, v, side="right"), minlength=len(edges) + 1) for v in (x, y)]
    distance = stats.wasserstein_distance(x, y)
    ks = stats.ks_2samp(x, y, method="asymp")
    return binned(*counts) | {
        "ks": float(ks.statistic),
        "ks_p": float(ks.pvalue),
        "wasserstein": float(distance),
        "wasserstein_normed": float(distance / x.std()),
    }


def categorical(r: pd.Series, c: pd.Series) -> dict[str, float]:
    both = pd.concat([r.value_counts(), c.value_counts()], axis=1).fillna(0).to_numpy()
    unseen = ~c.dropna().isin(r.dropna().unique())
    return binned(both[:, 0], both[:, 1]) | {"unseen_rate": float(unseen.mean())}


def main(path: str, reference: str, current: str) -> None:
    with duckdb.connect(path, read_only=True) as c:
        left, right = (c.execute(f"SELECT * EXCLUDE (part) FROM {t}").df() for t in (reference, current))
    found = {}
    for name in left.columns:
        number = pd.api.types.is_numeric_dtype(left[name])
        found[name] = (numeric if number else categorical)(left[name], right[name])
        found[name]["missing_rate_change"] = float(right[name].isna().mean() - left[name].isna().mean())
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:4])
