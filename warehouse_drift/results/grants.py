"""The rights that a monitor's role needs: reading its sources, and writing its own schema. Nothing else is used."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from warehouse_drift.errors import DialectError, UsageError
from warehouse_drift.results.place import plain_name, schema_name
from warehouse_drift.sql.dialect import Dialect


@dataclass(frozen=True, slots=True)
class Grants:
    """``source``: reading; ``results``: a role that makes its own tables with ``migrate``; ``made_by_dba``: instead,
    where somebody else made them from ``compile --ddl``. ``note`` where a warehouse has no grants: then there are none.
    """

    source: tuple[str, ...] = ()
    results: tuple[str, ...] = ()
    made_by_dba: tuple[str, ...] = ()
    note: str = ""
    apart: tuple[str, ...] = ()
    """instead of ``results`` where one role reads and another writes"""


def tables_of(relations: Iterable[str], dialect: Dialect) -> list[exp.Table]:
    """The tables that relations read: names, and what stands after FROM in queries; each once, in order.

    Raises UsageError for a relation that cannot be parsed.
    """
    found: dict[str, exp.Table] = {}
    for text in relations:
        bare = text.strip().rstrip(";")
        try:
            trees = sqlglot.parse(bare if _is_query(bare) else f"SELECT * FROM {bare}", read=dialect.sqlglot_name)
        except SqlglotError as error:
            raise UsageError(f"The relation {text[:60]!r} cannot be read: {str(error).splitlines()[0]}.") from error
        for tree in trees:
            if tree is None:
                continue
            known = {cte.alias_or_name for cte in tree.find_all(exp.CTE)}
            for table in tree.find_all(exp.Table):
                if isinstance(table.this, exp.Identifier) and (table.db or table.name not in known):
                    bare_table = exp.Table(this=table.this, db=table.args.get("db"), catalog=table.args.get("catalog"))
                    found.setdefault(bare_table.sql(dialect=dialect.sqlglot_name), bare_table)
    return list(found.values())


def _is_query(text: str) -> bool:
    return text.lstrip("( \n\t").upper().startswith(("SELECT", "WITH"))


def grants(
    relations: Sequence[str], dialect: Dialect, schema: str, role: str, database: str | None = None, *,
    writer: str = "", login: str = "",
) -> Grants:  # fmt: skip
    """What a DBA runs once so that ``role`` may read ``relations`` and write the result schema. With a ``writer`` the
    role only reads, and ``login`` may become both.

    Raises DialectError where a dialect does not say how rights are given.
    """
    shapes = dialect.grants
    if shapes.get("note"):
        return Grants(note=str(shapes["note"]))
    if not shapes.get("source") or not shapes.get("results"):
        raise DialectError(
            f"The dialect {dialect.name} does not say how rights are given.",
            hint="Grant SELECT on the watched tables, and all rights on the result schema.",
        )
    fixed = {"role": str(plain_name(role, dialect)), "results": str(schema_name(schema, dialect))}
    if database:
        fixed["database"] = str(plain_name(database, dialect))
    if writer:
        fixed |= {"writer": str(plain_name(writer, dialect)), "login": str(plain_name(login or role, dialect))}
    names = []
    for table in tables_of(relations, dialect):
        parts = {"relation": table, "schema": table.args.get("db"), "catalog": table.args.get("catalog")}
        names.append(fixed | {k: v.sql(dialect=dialect.sqlglot_name) for k, v in parts.items() if v is not None})
    if writer:
        return Grants(_filled(shapes["source"], names), apart=_filled(shapes.get("apart", ()), [fixed]))
    return Grants(
        _filled(shapes["source"], names), _filled(shapes["results"], [fixed]), _filled(shapes.get("made_by_dba", ()), [fixed])
    )


def _filled(shapes: Sequence[str], names: Sequence[dict[str, str]]) -> tuple[str, ...]:
    """Every shape with every set of names, each statement once; a shape whose names are not all known is left out."""
    found: dict[str, None] = {}
    for known in names:
        for shape in shapes:
            try:
                found[shape.format(**known)] = None
            except KeyError:
                continue
    return tuple(found)
