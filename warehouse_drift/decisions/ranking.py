"""Which columns come first: by the number of their alerts, or by how they move together with a model's performance.

Both are NannyML 0.13's rankers, over rows of a comparison in chunks. Pure.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

Row = Mapping[str, Any]


def by_alerts(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Columns with the number of their alerts, most first; equal numbers in falling order of the name."""
    counts: dict[str, int] = {}
    for r in rows:
        counts[r["column_name"]] = counts.get(r["column_name"], 0) + (r["decision"] == "alert")
    ordered = sorted(counts.items(), key=lambda item: (item[1], item[0]), reverse=True)
    return [{"number_of_alerts": n, "column_name": c, "rank": i} for i, (c, n) in enumerate(ordered, 1)]


def by_performance(rows: Sequence[Row], performance: Mapping[int, float], reference: float) -> list[dict[str, Any]]:
    """Columns by the correlation of their drift with the distance of performance from ``reference`` over chunks.

    ``performance``: chunk -> value. Columns without two chunks that have both are last, with None.
    """
    from warehouse_drift.decisions.evidence import t_pvalue

    found: list[dict[str, Any]] = []
    for name in dict.fromkeys(r["column_name"] for r in rows):
        mine = [r for r in rows if r["column_name"] == name]
        pairs = [
            (r["value"], abs(performance[r["chunk"]] - reference))
            for r in mine
            if r["value"] is not None and r["chunk"] in performance
        ]
        r = correlation(pairs)
        p = None
        if r is not None and len(pairs) > 2:
            left = 1.0 - r * r
            p = 0.0 if left <= 0.0 else t_pvalue(r * math.sqrt((len(pairs) - 2) / left), len(pairs) - 2)
        drifted = any(x["decision"] == "alert" for x in mine)
        found.append({"column_name": name, "pearsonr_correlation": r, "pearsonr_pvalue": p, "has_drifted": drifted})
    found.sort(key=lambda f: -math.inf if f["pearsonr_correlation"] is None else f["pearsonr_correlation"], reverse=True)
    return [f | {"rank": i} for i, f in enumerate(found, 1)]


def correlation(pairs: Sequence[tuple[float, float]]) -> float | None:
    """Pearson's r; None for fewer than two pairs, or where one of both is constant."""
    if len(pairs) < 2:
        return None
    x, y = ([p[i] for p in pairs] for i in (0, 1))
    mx, my = math.fsum(x) / len(x), math.fsum(y) / len(y)
    sx, sy = math.sqrt(math.fsum((a - mx) ** 2 for a in x)), math.sqrt(math.fsum((b - my) ** 2 for b in y))
    if sx == 0.0 or sy == 0.0:
        return None
    return max(-1.0, min(1.0, math.fsum((a - mx) / sx * ((b - my) / sy) for a, b in pairs)))
