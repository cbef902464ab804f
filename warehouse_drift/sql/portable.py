"""The house subset of SQL: what translates to every warehouse, checked on the tree (measured traps: docs/explanation)."""

from __future__ import annotations

from typing import Any

from sqlglot import exp

_FORBIDDEN: tuple[tuple[type[Any], str], ...] = (
    (exp.Filter, "FILTER (WHERE ...); write SUM(CASE ...)"),
    (exp.PercentileCont, "PERCENTILE_CONT is silently approximate on some warehouses"),
    (exp.Median, "MEDIAN is not portable"),
    (exp.ApproxDistinct, "approximate counts are not exact"),
    (exp.Placeholder, "bind marks"),
    (exp.Qualify, "QUALIFY; use a subquery"),
    (exp.Values, "VALUES; use SELECT ... UNION ALL"),
    (exp.Create, "DDL"),
    (exp.Insert, "DML"),
    (exp.Delete, "DML"),
)


def violations(tree: exp.Expr) -> list[str]:
    """Sentences saying what is outside the subset; empty when all is well."""
    found = [why for kind, why in _FORBIDDEN if tree.find(kind) is not None]
    for window in tree.find_all(exp.Window):
        order = window.args.get("order")
        if window.args.get("spec") is not None and order is not None:
            for term in order.expressions:
                if isinstance(term, exp.Ordered) and not term.args.get("nulls_first"):
                    found.append("a framed window needs ORDER BY ... NULLS FIRST")
    return sorted(set(found))
