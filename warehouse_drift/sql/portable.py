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

_PLAIN = frozenset(
    {exp.Column, exp.Identifier, exp.Literal, exp.Cast, exp.DataType, exp.Alias, exp.If, exp.Add, exp.Sub, exp.Mul}
)
"""Kinds that are never refused."""


def violations(tree: exp.Expr) -> list[str]:
    """Sentences saying what is outside the subset; empty when all is well. One walk, as trees have up to 50,000 nodes."""
    found: set[str] = set()
    for node in tree.walk():
        if type(node) in _PLAIN:  # most nodes are names and literals
            continue
        found.update(why for kind, why in _FORBIDDEN if isinstance(node, kind))
        if isinstance(node, exp.Window):
            order = node.args.get("order")
            if node.args.get("spec") is not None and order is not None:
                for term in order.expressions:
                    if isinstance(term, exp.Ordered) and not term.args.get("nulls_first"):
                        found.add("a framed window needs ORDER BY ... NULLS FIRST")
    return sorted(found)
