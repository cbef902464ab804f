"""Where the result schema is: how its name stands before a table, and how its statements are rendered."""

from __future__ import annotations

import re
from collections.abc import Mapping
from weakref import WeakKeyDictionary

from markupsafe import Markup

from warehouse_drift.errors import DialectError
from warehouse_drift.sql.dialect import Dialect
from warehouse_drift.sql.environment import environment, qualified
from warehouse_drift.sql.render import render
from warehouse_drift.warehouse.execute import Warehouse

_SIMPLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_known: WeakKeyDictionary[Warehouse, dict[str, Markup]] = WeakKeyDictionary()


def schema_name(schema: str, dialect: Dialect) -> Markup:
    """The schema as SQL. A plain name that is no keyword stays unquoted, in the warehouse's own case, as people write it.

    ``catalog.schema`` is two names. Raises DialectError for an empty name.
    """
    if not schema or not all(schema.split(".")):
        raise DialectError(f"{schema!r} is no name of a schema.", hint="Set warehouse.result_schema, for example to drift.")
    return Markup(".").join(plain_name(part, dialect) for part in schema.split("."))


def plain_name(name: str, dialect: Dialect) -> Markup:
    """One name as SQL, quoted only where it must be."""
    from sqlglot.dialects.dialect import Dialect as Grammar

    known = Grammar.get_or_raise(dialect.sqlglot_name).tokenizer_class.KEYWORDS
    words = {word for words in known for word in words.split()}  # 'ORDER BY' makes both words special
    return Markup(name) if _SIMPLE.fullmatch(name) and name.upper() not in words else qualified(name)


def prefix(schema: str, dialect: Dialect) -> Markup:
    """What stands before a table's name when nothing is known of the database: ``drift.``"""
    return schema_name(schema, dialect) + Markup(".")


def prefix_in(warehouse: Warehouse, schema: str) -> Markup:
    """The same for an open warehouse. A file drift.duckdb makes a catalog ``drift``, and ``drift.wd_units`` would be
    ambiguous there: then the catalog stands in front."""
    found = _known.setdefault(warehouse, {})
    if schema not in found:
        plain = schema_name(schema, warehouse.dialect)
        if "." not in schema and warehouse.dialect.catalog_views:
            rows = warehouse.fetch(render("results/catalog", {}, warehouse.dialect).sql, name="current catalog")
            if rows and str(rows[0]["catalog_name"]).lower() == schema.lower():
                plain = Markup(".").join((plain, plain))
        found[schema] = plain + Markup(".")
    return found[schema]


def prefix_in_views(warehouse: Warehouse, schema: str) -> Markup:
    """What stands before a table inside a view. DuckDB drops its own catalog from a view's text, which is ambiguous
    again when schema and catalog share a name; there a name alone is looked up in the view's own schema."""
    s = prefix_in(warehouse, schema)
    return Markup("") if warehouse.dialect.canonical and s.count(".") > prefix(schema, warehouse.dialect).count(".") else s


def change(template: str, params: Mapping[str, object], dialect: Dialect) -> str:
    """A statement that changes result tables (INSERT, DELETE) for ``dialect``.

    Not ``sql.render.render``: that one is for SELECTs, and folds empty lines, which may be part of a literal here.
    """
    text = environment(dialect.name).get_template(f"{template}.sql.j2").render(**params).strip()
    if dialect.canonical:
        return text
    import sqlglot
    from sqlglot.errors import ErrorLevel, SqlglotError

    try:
        return sqlglot.transpile(text, read="duckdb", write=dialect.sqlglot_name, unsupported_level=ErrorLevel.RAISE)[0]
    except SqlglotError as error:
        raise DialectError(f"{template} cannot be translated to {dialect.name}: {str(error).splitlines()[0]}.") from error
