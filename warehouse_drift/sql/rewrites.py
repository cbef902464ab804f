"""Named tree rewrites that a dialect may ask for in its dialect.toml."""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import exp


def nan_by_equality(tree: exp.Expr) -> exp.Expr:
    """ISNAN(x) to x = 'NaN': for engines without the function, where NaN equals itself."""

    def change(node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.IsNan):
            nan = exp.cast(exp.Literal.string("NaN"), exp.DataType.Type.DOUBLE)
            return exp.Paren(this=exp.EQ(this=node.this.copy(), expression=nan))
        return node

    return tree.transform(change)


def log2_as_ln(tree: exp.Expr) -> exp.Expr:
    """LOG2(x) to LN(x) / LN(2)."""

    def change(node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.Anonymous) and node.name.upper() == "LOG2":
            return exp.Paren(
                this=exp.Div(
                    this=exp.Ln(this=node.expressions[0].copy()),
                    expression=exp.Ln(this=exp.cast(exp.Literal.string("2.0"), exp.DataType.Type.DOUBLE)),
                )
            )
        if isinstance(node, exp.Log) and node.expression is not None and node.this.name == "2":
            return exp.Paren(
                this=exp.Div(
                    this=exp.Ln(this=node.expression.copy()),
                    expression=exp.Ln(this=exp.cast(exp.Literal.string("2.0"), exp.DataType.Type.DOUBLE)),
                )
            )
        return node

    return tree.transform(change)


def epoch_us_by_extract(tree: exp.Expr) -> exp.Expr:
    """EPOCH_US(x) to CAST(EXTRACT(EPOCH FROM x) * 1000000 AS BIGINT), where that extract keeps its microseconds."""

    def change(node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.Anonymous) and node.name.upper() == "EPOCH_US":
            seconds = exp.Extract(this=exp.var("EPOCH"), expression=node.expressions[0].copy())
            return exp.cast(exp.Mul(this=seconds, expression=exp.Literal.number(1000000)), exp.DataType.Type.BIGINT)
        return node

    return tree.transform(change)


def columns_named(tree: exp.Expr) -> exp.Expr:
    """SELECT a.x to SELECT a.x AS x: for engines that call the column of a join ``a.x``."""
    for select in tree.find_all(exp.Select):
        select.set(
            "expressions",
            [
                exp.alias_(e, e.name, quoted=bool(e.this.args.get("quoted")))
                if isinstance(e, exp.Column) and e.table and not isinstance(e.this, exp.Star)
                else e
                for e in select.expressions
            ],
        )
    return tree


def counts_signed(tree: exp.Expr) -> exp.Expr:
    """Counts, row numbers and sums of literals as BIGINT: for engines where they are unsigned."""

    def bigint(node: exp.Expr) -> exp.Expr:
        return exp.cast(node, exp.DataType.Type.BIGINT)

    def change(node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.Count) and not isinstance(node.parent, (exp.Cast, exp.Window)):
            return bigint(node)
        if isinstance(node, exp.Window) and isinstance(node.this, (exp.Count, exp.RowNumber)):
            return bigint(node)
        if isinstance(node, exp.Sum) and isinstance(node.this, exp.Case):
            for part in [*node.this.args["ifs"], node.this]:
                key = "true" if isinstance(part, exp.If) else "default"
                value = part.args.get(key)
                if isinstance(value, exp.Literal) and value.is_int:
                    part.set(key, bigint(value))
        return node

    return tree.transform(change)


REWRITES: dict[str, Callable[[exp.Expr], exp.Expr]] = {
    "nan_by_equality": nan_by_equality,
    "log2_as_ln": log2_as_ln,
    "epoch_us_by_extract": epoch_us_by_extract,
    "columns_named": columns_named,
    "counts_signed": counts_signed,
}
