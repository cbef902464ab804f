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

    return tree.transform(change, copy=False)


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

    return tree.transform(change, copy=False)


def epoch_us_by_extract(tree: exp.Expr) -> exp.Expr:
    """EPOCH_US(x) to CAST(EXTRACT(EPOCH FROM x) * 1000000 AS BIGINT), where that extract keeps its microseconds."""

    def change(node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.Anonymous) and node.name.upper() == "EPOCH_US":
            seconds = exp.Extract(this=exp.var("EPOCH"), expression=node.expressions[0].copy())
            return exp.cast(exp.Mul(this=seconds, expression=exp.Literal.number(1000000)), exp.DataType.Type.BIGINT)
        return node

    return tree.transform(change, copy=False)


def array_size_by_cardinality(tree: exp.Expr) -> exp.Expr:
    """ARRAY_LENGTH(x) to CARDINALITY(x): for engines whose own function counts one dimension, and gives NULL for no element."""

    def change(node: exp.Expr) -> exp.Expr:
        return _call("CARDINALITY", node.this.copy()) if isinstance(node, exp.ArraySize) else node

    return tree.transform(change, copy=False)


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


def _all_literals(case: exp.Case) -> bool:
    values = [*(part.args["true"] for part in case.args["ifs"]), case.args.get("default")]
    return all(value is None or (isinstance(value, exp.Literal) and value.is_int) for value in values)


def counts_signed(tree: exp.Expr) -> exp.Expr:
    """Counts, row numbers and sums of literals as BIGINT: for engines where they are unsigned."""

    def bigint(node: exp.Expr) -> exp.Expr:
        return exp.cast(node, exp.DataType.Type.BIGINT)

    def change(node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.Count) and not isinstance(node.parent, (exp.Cast, exp.Window)):
            return bigint(node)
        if isinstance(node, exp.Window) and isinstance(node.this, (exp.Count, exp.RowNumber)):
            return bigint(node)
        if isinstance(node, exp.Case) and (isinstance(node.parent, exp.Sum) or _all_literals(node)):
            for part in [*node.args["ifs"], node]:
                key = "true" if isinstance(part, exp.If) else "default"
                value = part.args.get(key)
                if isinstance(value, exp.Literal) and value.is_int:
                    part.set(key, bigint(value))
        return node

    return tree.transform(change, copy=False)


def _micros(build: Callable[[exp.Expr], exp.Expr]) -> Callable[[exp.Expr], exp.Expr]:
    """EPOCH_US(x) to ``build(x)``, a whole number of microseconds, and EPOCH(x) to that over a million, so that no
    fraction of a second is lost on engines whose own function counts whole seconds."""

    def change(node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.Anonymous) and node.name.upper() == "EPOCH_US":
            return build(node.expressions[0].copy())
        if isinstance(node, exp.TimeToUnix):
            micros = exp.cast(build(node.this.copy()), exp.DataType.Type.DOUBLE)
            return exp.Paren(this=exp.Div(this=micros, expression=_double("1000000.0")))
        return node

    return lambda tree: tree.transform(change, copy=False)


def _double(text: str) -> exp.Expr:
    return exp.cast(exp.Literal.string(text), exp.DataType.Type.DOUBLE)


def _call(name: str, *parts: exp.Expr) -> exp.Expr:
    return exp.Anonymous(this=name, expressions=list(parts))


def _unixtime64(x: exp.Expr) -> exp.Expr:
    return _call("toUnixTimestamp64Micro", _call("toDateTime64", x, exp.Literal.number(6), exp.Literal.string("UTC")))


def _timestampdiff(x: exp.Expr) -> exp.Expr:
    """The session's clock is asked for as an instant, everything else is a wall clock (the session's zone is UTC)."""
    if isinstance(x, exp.CurrentTimestamp):
        return _call("UNIX_MICROS", x)
    start = exp.cast(exp.Literal.string("1970-01-01 00:00:00"), exp.DataType.Type.TIMESTAMPNTZ)
    return _call("TIMESTAMPDIFF", exp.var("MICROSECOND"), start, exp.cast(x, exp.DataType.Type.TIMESTAMPNTZ))


def _datediff(x: exp.Expr) -> exp.Expr:
    start = exp.cast(exp.Literal.string("1970-01-01 00:00:00"), exp.DataType.Type.TIMESTAMP)
    return _call("DATEDIFF", exp.var("MICROSECOND"), start, exp.cast(x, exp.DataType.Type.TIMESTAMP))


def _to_unixtime(x: exp.Expr) -> exp.Expr:
    return exp.cast(
        _call("ROUND", exp.Mul(this=_call("TO_UNIXTIME", x), expression=_double("1000000.0"))), exp.DataType.Type.BIGINT
    )


def plain_doubles(tree: exp.Expr) -> exp.Expr:
    """PLAIN(x) to x with plain double literals and without conversions to whole numbers (of what FLOOR and CEIL make
    whole already): for engines where a nullable type and a conversion inside a CASE cost more than the arithmetic."""

    def literal(text: str) -> exp.Expr:
        if text.lstrip("-").isalpha():  # infinity
            return _call("toFloat64", exp.Literal.string(text))
        return exp.Literal.number(text)

    def inside(node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.Cast) and node.to.is_type(exp.DataType.Type.INT):
            whole: exp.Expr = node.this.transform(inside, copy=False)
            return whole
        if isinstance(node, exp.Cast) and isinstance(node.this, exp.Literal) and node.to.is_type(exp.DataType.Type.DOUBLE):
            return literal(node.this.name)
        if (
            isinstance(node, exp.Neg)
            and isinstance(node.this, exp.Literal)
            and isinstance(node.parent, (exp.If, exp.Case))
        ):
            return literal(f"-{node.this.name}.0")
        if isinstance(node, exp.Literal) and node.is_int and isinstance(node.parent, (exp.If, exp.Case)):
            return literal(f"{node.name}.0")
        return node

    def change(node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.Anonymous) and node.name == "PLAIN":
            return exp.Paren(this=node.expressions[0].transform(inside, copy=False))
        return node

    return tree.transform(change, copy=False)


def empty_is_null(tree: exp.Expr) -> exp.Expr:
    """SUM, MIN, MAX, AVG and STDDEV_SAMP with the ending OrNull where their rows can be none, in a window or without
    GROUP BY: for engines whose aggregates of no rows are zero. In groups the ending would cost a fifth more."""

    def change(node: exp.Expr) -> exp.Expr:
        name = _OR_NULL.get(type(node))
        if name is None:
            return node
        select = node.find_ancestor(exp.Select)
        if isinstance(node.parent, exp.Window) or select is None or not select.args.get("group"):
            return _call(f"{name}OrNull", node.this)
        return node

    return tree.transform(change, copy=False)


_OR_NULL: dict[type[exp.Expr], str] = {exp.Sum: "sum", exp.Min: "min", exp.Max: "max", exp.Avg: "avg", exp.StddevSamp: "stddevSamp"}


def texts_by_arrays(tree: exp.Expr) -> exp.Expr:
    """STRING_AGG(x, sep ORDER BY k) to a sorted array of (k, x), joined: for engines that gather in no order."""

    def change(node: exp.Expr) -> exp.Expr:
        if not isinstance(node, exp.GroupConcat) or not isinstance(node.this, exp.Order):
            return node
        keys = [term.this.copy() for term in node.this.expressions]
        pairs = _call("arraySort", _call("groupArray", _call("tuple", *keys, node.this.this.copy())))
        last = _call("tupleElement", exp.column("p"), exp.Literal.number(len(keys) + 1))
        texts = _call("arrayMap", exp.Lambda(this=last, expressions=[exp.to_identifier("p")]), pairs)
        return _call("arrayStringConcat", texts, node.args["separator"].copy())

    return tree.transform(change, copy=False)


def timestamps_64(tree: exp.Expr) -> exp.Expr:
    """CAST AS TIMESTAMP to DateTime64(6, 'UTC'): for engines whose plain timestamp has whole seconds only."""

    def change(node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.Cast) and node.to.is_type("timestamp", "timestampntz", "timestamptz"):
            node.set("to", exp.DataType.build("Nullable(DateTime64(6, 'UTC'))", dialect="clickhouse"))
        return node

    return tree.transform(change, copy=False)


def infinity_capital(tree: exp.Expr) -> exp.Expr:
    """The texts 'infinity' and '-infinity' in casts as 'Infinity': for engines that read no other spelling."""

    def change(node: exp.Expr) -> exp.Expr:
        if (
            isinstance(node, exp.Cast)
            and isinstance(node.this, exp.Literal)
            and node.this.name in ("infinity", "-infinity")
        ):
            node.set("this", exp.Literal.string(node.this.name.replace("infinity", "Infinity")))
        return node

    return tree.transform(change, copy=False)


def nothing_over_zero(tree: exp.Expr) -> exp.Expr:
    """a / b to a / NULLIF(b, 0), unless b is a number: for engines that may raise for NULL / 0 before they see the NULL."""

    def change(node: exp.Expr) -> exp.Expr:
        if not isinstance(node, exp.Div):
            return node
        by = node.expression.unnest()
        if not isinstance(by.this if isinstance(by, exp.Cast) else by, (exp.Literal, exp.Nullif)):
            node.set("expression", exp.Nullif(this=node.expression.copy(), expression=exp.Literal.number(0)))
        return node

    return tree.transform(change, copy=False)


def texts_in_own_order(tree: exp.Expr) -> exp.Expr:
    """STRING_AGG(x ORDER BY k) with NULL where the engine puts it by itself: for engines that take no NULLS FIRST or LAST
    there. The keys of the templates are never NULL."""
    for texts in tree.find_all(exp.GroupConcat):
        for term in texts.find_all(exp.Ordered):
            term.set("nulls_first", not term.args.get("desc"))
    return tree


REWRITES: dict[str, Callable[[exp.Expr], exp.Expr]] = {
    "nan_by_equality": nan_by_equality,
    "log2_as_ln": log2_as_ln,
    "epoch_us_by_extract": epoch_us_by_extract,
    "array_size_by_cardinality": array_size_by_cardinality,
    "columns_named": columns_named,
    "counts_signed": counts_signed,
    "epoch_by_unixtime64": _micros(_unixtime64),
    "epoch_by_timestampdiff": _micros(_timestampdiff),
    "epoch_by_datediff": _micros(_datediff),
    "epoch_by_to_unixtime": _micros(_to_unixtime),
    "epoch_by_date_part": _micros(lambda x: _call("DATE_PART", exp.var("EPOCH_MICROSECOND"), x)),
    "epoch_by_unix_micros": _micros(lambda x: _call("UNIX_MICROS", _call("TIMESTAMP", x))),
    "plain_doubles": plain_doubles,
    "empty_is_null": empty_is_null,
    "texts_by_arrays": texts_by_arrays,
    "timestamps_64": timestamps_64,
    "infinity_capital": infinity_capital,
    "texts_in_own_order": texts_in_own_order,
    "nothing_over_zero": nothing_over_zero,
}
