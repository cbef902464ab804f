"""SQL that a user writes: parsed as one expression, one table name or one SELECT before it is marked as SQL.

It is written in the warehouse's own grammar. On the canonical dialect it goes into templates as it is; for the others it
travels as ``WD_USER_SQL('...')`` through the subset check and the translation, which are for templates only, and is put
back at the end (``with_user_sql``). No name or value can forge that mark: names are always quoted, values are literals.
"""

from __future__ import annotations

import re

import sqlglot
from markupsafe import Markup
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.normalize_identifiers import normalize_identifiers

from warehouse_drift.errors import UsageError
from warehouse_drift.sql.dialect import Dialect
from warehouse_drift.sql.environment import identifier, text_literal

_MARK = "WD_USER_SQL"
_CANONICAL = "duckdb"
_WRITES = (
    exp.Insert,
    exp.Update,
    exp.Delete,
    exp.Merge,
    exp.Create,
    exp.Drop,
    exp.Alter,
    exp.Into,
    exp.Command,
    exp.Copy,
)
_BIND = (exp.Placeholder, exp.Parameter)
_QUERY = re.compile(r"\s*(\(|(select|with|from|values|table)\b)", re.I)
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


def expression(text: str, dialect: Dialect, what: str = "expression") -> Markup:
    """``where:`` and ``expression:`` texts. Raises UsageError unless the text is exactly one scalar expression."""
    problem = f"{what} {text!r} is not one SQL expression"
    place = "after WHERE" if "where" in what else "in a SELECT list"
    hint = f"Write what would stand {place}, without ';'."
    try:
        trees = sqlglot.parse(f"SELECT 1 WHERE ({text}\n)", read=dialect.sqlglot_name)
    except SqlglotError as error:
        reason = _line(error).split(" Line ")[0].rstrip(".")  # the position is not that of the user's text
        raise UsageError(f"{problem}: {reason}.", hint=hint) from error
    tree = trees[0] if len(trees) == 1 else None
    where = tree.args.get("where") if isinstance(tree, exp.Select) else None
    if (
        tree is None
        or where is None
        or not isinstance(where.this, exp.Paren)
        or isinstance(where.this.this, (exp.Alias, exp.PropertyEQ))
        or any(v for k, v in tree.args.items() if k not in ("where", "expressions", "kind", "hint"))
    ):
        raise UsageError(f"{problem}.", hint=hint)
    own = [n for n in where.walk() if n.find_ancestor(exp.Query) is tree]  # not those of a subquery
    if any(isinstance(n, (exp.AggFunc, exp.Window)) for n in own):
        raise UsageError(f"{problem}: aggregates and window functions are not allowed in it.")
    if any(isinstance(n, exp.Star) for n in own):
        raise UsageError(f"{problem}: '*' stands for many columns.", hint="Name the column.")
    _refuse_binds_and_writes(where, problem)
    return _marked(where.this, dialect)


def relation(text: str, dialect: Dialect) -> Markup:
    """A table name, or a SELECT in parentheses (or bare), as it may stand after FROM. Raises UsageError otherwise.

    Names stay as they are written: the warehouse folds the case of plain ones, quoted ones are kept to the letter.
    """
    shown = " ".join(text.split())[:60]
    if not text.strip():
        raise UsageError("The name of a table is empty.", hint="Write schema.table, or a SELECT in parentheses.")
    if _QUERY.match(text):
        return _query(text, shown, dialect)
    try:
        table = sqlglot.parse_one(text, read=dialect.sqlglot_name, into=exp.Table)
    except SqlglotError as error:
        raise UsageError(
            f"{shown!r} is not a table name.",
            hint='Write schema.table without an alias (a name with spaces or signs in double quotes: "my table"), '
            "or a SELECT in parentheses.",
        ) from error
    parts = table.parts if isinstance(table, exp.Table) else []
    others = {k for k, v in table.args.items() if v and k not in ("this", "db", "catalog")}
    if not parts or others or not all(isinstance(p, exp.Identifier) and p.name for p in parts):
        raise UsageError(
            f"{shown!r} is not a table name.",
            hint="Write schema.table, or a SELECT in parentheses, as (SELECT * FROM ...).",
        )
    return _name(table, dialect)


def is_query(source: Markup) -> bool:
    """Whether ``relation`` gave a SELECT rather than a name."""
    return source.startswith(("(", f"{_MARK}("))


def with_user_sql(tree: exp.Expr, dialect: Dialect) -> exp.Expr:
    """The translated tree with the user's own SQL in place of its marks. Raises SqlglotError if it cannot be read."""

    if not any(_is_mark(node) for node in tree.find_all(exp.Anonymous)):
        return tree

    def change(node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.Table) and _is_mark(node.this):
            query = sqlglot.parse_one(node.this.expressions[0].name, read=dialect.sqlglot_name)
            query.set("alias", node.args.get("alias"))
            return query
        if _is_mark(node):
            return sqlglot.parse_one(node.expressions[0].name, read=dialect.sqlglot_name)
        return node

    return tree.transform(change, copy=False)


def _query(text: str, shown: str, dialect: Dialect) -> Markup:
    problem = f"{shown!r} is not one SELECT that only reads"
    try:
        trees = [t for t in sqlglot.parse(text, read=dialect.sqlglot_name) if t is not None]
    except SqlglotError as error:
        raise UsageError(f"The query {shown!r} cannot be read: {_line(error)}") from error
    if len(trees) != 1 or not isinstance(trees[0], exp.Query) or trees[0].args.get("alias"):
        raise UsageError(f"{problem}.", hint="Write one SELECT in parentheses, without an alias after it.")
    tree = trees[0]
    _refuse_binds_and_writes(tree, problem)
    plain = isinstance(tree, exp.Subquery) and not any(v for k, v in tree.args.items() if k != "this")
    return _marked(tree if plain else exp.Subquery(this=tree), dialect)


def _name(table: exp.Table, dialect: Dialect) -> Markup:
    """Plain names unquoted, unless the canonical grammar has them as a word of its own: then quoted, in the case that
    the warehouse would fold them to."""
    folded = normalize_identifiers(table.copy(), dialect=dialect.sqlglot_name)
    written = [_part(p) for p in table.parts]
    try:
        read = sqlglot.parse_one(f"SELECT 1 FROM {'.'.join(written)} AS src", read=_CANONICAL).find(exp.Table)
        as_written = read is not None and [p.name for p in read.parts] == [p.name for p in table.parts]
    except SqlglotError:
        as_written = False
    return Markup(".").join(written if as_written else [identifier(p.name) for p in folded.parts])


def written(name: str, dialect: Dialect) -> str:
    """A name of the catalog as a person has to write it: in quotes where the warehouse would fold it to another one."""
    folded = normalize_identifiers(exp.to_identifier(name, quoted=False), dialect=dialect.sqlglot_name).name
    kept = folded == name or not dialect.exact_case
    return name if kept and _PLAIN.match(name) else exp.to_identifier(name, quoted=True).sql(dialect=dialect.sqlglot_name)


def _part(part: exp.Expr) -> Markup:
    plain = not part.args.get("quoted") and _PLAIN.match(part.name)
    return Markup(part.name) if plain else identifier(part.name)


def _marked(tree: exp.Expr, dialect: Dialect) -> Markup:
    text = tree.sql(dialect=dialect.sqlglot_name, comments=False)
    return Markup(text) if dialect.canonical else Markup(f"{_MARK}({text_literal(text)})")


def _is_mark(node: object) -> bool:
    return isinstance(node, exp.Anonymous) and node.name.upper() == _MARK


def _refuse_binds_and_writes(tree: exp.Expr, problem: str) -> None:
    for node in tree.walk():
        if isinstance(node, _WRITES):
            raise UsageError(f"{problem}: it would write.")
        if isinstance(node, _BIND):
            raise UsageError(f"{problem}: it has a bind mark ({node.sql()}).", hint="Write the value itself.")
        if _is_mark(node):
            raise UsageError(f"{problem}: {_MARK} is a word of this package.")


def _line(error: Exception) -> str:
    """The parser's first line, without the terminal's underlining and its own words for parts of SQL."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", str(error)).splitlines()[0].rstrip(". ")
    text = re.sub(r"Required keyword: '\w+' missing for <class '[\w.]*?(\w+)'>", r"something is missing in \1", text)
    return f"{text}."
