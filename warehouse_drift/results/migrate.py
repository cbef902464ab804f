"""Numbered migrations of the result schema, its views, and their comments.

A migration is data (``sql_templates/results/NNNN_<name>.toml``): tables to create and columns to add, with abstract
types. The statements come from the dialect and are never translated. Its number is written to ``wd_migrations`` last,
so that a killed migration is simply run again; every step skips what is there already.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from functools import lru_cache
from pathlib import Path

from markupsafe import Markup

from warehouse_drift.errors import SchemaVersionError
from warehouse_drift.resources import root
from warehouse_drift.results.monitor_views import statements, stem
from warehouse_drift.results.place import prefix, prefix_in, prefix_in_views
from warehouse_drift.results.remake import replace_views
from warehouse_drift.results.tables import BY_NAME, WHOLE_BASELINE
from warehouse_drift.results.views import VIEWS
from warehouse_drift.results.write import insert_statements
from warehouse_drift.sql.dialect import Dialect
from warehouse_drift.sql.environment import identifier, text_literal
from warehouse_drift.sql.render import render
from warehouse_drift.warehouse.execute import Warehouse
from warehouse_drift.warehouse.introspect import MissingRelation
from warehouse_drift.warehouse.introspect import columns as columns_of

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


@dataclass(frozen=True, slots=True)
class Statement:
    """``name`` is for people and logs; ``adds`` is the (table, column) that a statement creates, if it adds one."""

    name: str
    sql: str
    adds: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Migration:
    """``tables``: new tables with their columns; ``added``: columns of tables that exist. Types end with '!' if required."""

    version: int
    name: str
    tables: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = ()
    added: tuple[tuple[str, str, str], ...] = field(default=())


def read_migrations(folder: Path) -> tuple[Migration, ...]:
    """Migrations in order. Raises SchemaVersionError when a number is missing or stands twice."""
    found = []
    for path in sorted(folder.glob("[0-9][0-9][0-9][0-9]_*.toml")):
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
        tables = tuple((t["table"], tuple(_pair(c) for c in t["columns"])) for t in raw.get("create_table", ()))
        added = tuple((a["table"], *_pair(a["column"])) for a in raw.get("add_column", ()))
        found.append(Migration(int(path.name[:4]), raw["name"], tables, added))
    if [m.version for m in found] != list(range(1, len(found) + 1)):
        raise SchemaVersionError(f"The migrations in {folder.name} are not numbered 1, 2, 3, ...", hint="Install the package again.")
    return tuple(found)


def _pair(text: str) -> tuple[str, str]:
    name, kind = text.split()
    return name, kind


@lru_cache(maxsize=1)
def migrations() -> tuple[Migration, ...]:
    return read_migrations(root() / "sql_templates" / "results")


def current_version() -> int:
    """The version that this package writes and reads."""
    return len(migrations())


def installed_version(warehouse: Warehouse, schema: str) -> int:
    """0 when the schema holds no result tables, or only some of them from an attempt that was killed."""
    if "version" not in _columns(warehouse, schema, "wd_migrations"):
        return 0
    s = prefix_in(warehouse, schema)
    rows = warehouse.fetch(render("results/version", {"s": s}, warehouse.dialect).sql, name="schema version")
    return int(rows[0]["version"] or 0)


def check_version(warehouse: Warehouse, schema: str) -> int:
    """The installed version. Raises SchemaVersionError when it is not the one of this package."""
    return _checked(installed_version(warehouse, schema), schema)


def _checked(found: int, schema: str) -> int:
    wanted = current_version()
    if found == 0:
        raise SchemaVersionError(f"The schema {schema} holds no result tables.", hint="Run: warehouse-drift migrate")
    if found < wanted:
        raise SchemaVersionError(
            f"The result tables in {schema} have version {found}, and this package needs version {wanted}.",
            hint="Run: warehouse-drift migrate",
        )
    if found > wanted:
        raise SchemaVersionError(
            f"The result tables in {schema} have version {found}, and this package only knows version {wanted}.",
            hint="Upgrade warehouse-drift on this machine: another one has migrated the schema.",
        )
    return found


def create_all(warehouse: Warehouse, schema: str) -> None:
    """Makes the tables and views where there are none; does nothing where they are current.

    Raises SchemaVersionError for another version: only ``migrate`` changes tables that exist.
    """
    found = installed_version(warehouse, schema)
    if found == 0:
        migrate(warehouse, schema)
    else:
        _checked(found, schema)


def migrate(warehouse: Warehouse, schema: str) -> tuple[str, ...]:
    """Brings the schema to this version and makes the views anew; the names of the migrations that were applied."""
    found = installed_version(warehouse, schema)
    if found > current_version():
        _checked(found, schema)
    dialect, s = warehouse.dialect, prefix_in(warehouse, schema)
    if not _schema_exists(warehouse, schema, found):
        _create_schema(warehouse, s, schema)
    due = [m for m in migrations() if m.version > found]
    for migration in due:
        for statement in migration_statements(migration, dialect, s):
            if statement.adds is None or statement.adds[1] not in _columns(warehouse, schema, statement.adds[0]):
                warehouse.execute(statement.sql, name=statement.name)
    made = view_statements(dialect, s, prefix_in_views(warehouse, schema))
    replace_views(warehouse, schema, [(statement.name, statement.sql) for statement in made])
    for migration in due:
        for sql in _recorded(migration, dialect, s):
            warehouse.execute(sql, name="record migration")
    return tuple(f"{m.version:04d}_{m.name}" for m in due)


def migration_statements(migration: Migration, dialect: Dialect, s: Markup) -> Iterator[Statement]:
    """The tables and columns of one migration, in the dialect's own DDL."""
    for table, columns in migration.tables:
        listed = ", ".join(f"{name} {_type(kind, dialect)}" for name, kind in columns)
        sql = dialect.statements["create_table"].format(name=s + Markup(table), columns=listed)
        yield Statement(f"create {table}", sql)
    shape = dialect.statements.get("add_column", "ALTER TABLE {name} ADD COLUMN {column} {type}")
    for table, column, kind in migration.added:
        sql = shape.format(name=s + Markup(table), column=column, type=_type(kind, dialect))
        yield Statement(f"add {table}.{column}", sql, (table, column))


def view_statements(dialect: Dialect, s: Markup, inside: Markup) -> Iterator[Statement]:
    """Views in the order in which they need each other, and the comments of tables and public views.

    ``s`` is the schema as it stands before the names that are made, ``inside`` before those that the views read.
    """
    structs = dialect.can("structs")
    params = {"s": inside, "whole_baseline": WHOLE_BASELINE, "structs": structs}
    for view in VIEWS:
        select = render(f"views/{view.name}", params, dialect).sql
        yield Statement(f"create {view.name}", dialect.statements["create_view"].format(name=s + Markup(view.name), select=select))
    if not dialect.can("view_comments"):
        return
    for table in BY_NAME.values():
        yield _comment("comment_table", table.name, table.doc, dialect, s)
    for view in VIEWS:
        yield _comment("comment_view", view.name, view.doc, dialect, s)
        for name, words in view.listed(structs) if view.public and "comment_column" in dialect.statements else ():
            yield _comment("comment_column", f"{view.name}.{identifier(name)}", words, dialect, s)


def ddl(dialect: Dialect, schema: str, monitors: Sequence[tuple[str, str]] = ()) -> str:
    """The whole schema as a script, for a DBA, with the views of these (project, monitor). Needs no connection."""
    s = prefix(schema, dialect)
    parts = [dialect.statements["create_schema"].format(name=s[:-1])]
    parts += [statement.sql for m in migrations() for statement in migration_statements(m, dialect, s)]
    parts += [statement.sql for statement in view_statements(dialect, s, s)]
    for one in dict.fromkeys(stem(m) for _, m in monitors):
        parts += [sql for _, sql in statements(dialect, s, s, one, [p for p in monitors if stem(p[1]) == one])]
    parts += [sql for m in migrations() for sql in _recorded(m, dialect, s)]
    return "".join(f"{part};\n\n" for part in parts)


def _recorded(migration: Migration, dialect: Dialect, s: Markup) -> list[str]:
    now = datetime.now(timezone.utc).replace(tzinfo=None)
    row = {"version": migration.version, "name": migration.name, "applied_at": now}
    return list(insert_statements(dialect, s, "wd_migrations", [row]))


def _type(kind: str, dialect: Dialect) -> str:
    required = dialect.statements.get("required", " NOT NULL") if kind.endswith("!") else ""
    return dialect.types[kind.rstrip("!")] + required


def _comment(statement: str, name: str, words: str, dialect: Dialect, s: Markup) -> Statement:
    literal = text_literal(typographic(words))
    return Statement(f"comment on {name}", dialect.statements[statement].format(name=s + Markup(name), text=literal))


def typographic(words: str) -> str:
    """Without straight quotes, which not every engine's catalog takes in a comment: ’ for an apostrophe, ‘ ’ around words."""
    return re.sub(r"(?<!\w)'(?=\w|:)", "‘", words).replace("'", "’")


def _schema_exists(warehouse: Warehouse, schema: str, version: int) -> bool:
    """Asked first, for a role may write to a schema that it may not create. Without a catalog to ask, only tables that
    are there prove it; the statement says IF NOT EXISTS."""
    if not warehouse.dialect.catalog_views:
        return version > 0
    params = {"schema_name": schema.split(".")[-1]}
    sql = render("results/schema_exists", params, warehouse.dialect).sql
    return bool(warehouse.fetch(sql, name="schema exists")[0]["found"])


def _create_schema(warehouse: Warehouse, s: Markup, schema: str) -> None:
    """Some engines make a new schema the session's own, where plain names are looked up: the former one is set again."""
    shapes = warehouse.dialect.statements
    former = None
    if "current_schema" in shapes:
        former = warehouse.fetch(shapes["current_schema"], name="current schema")[0]["name"]
    warehouse.execute(shapes["create_schema"].format(name=s[:-1]), name=f"create schema {schema}")
    if former:
        warehouse.execute(shapes["use_schema"].format(name=identifier(str(former))), name="former schema")


def _columns(warehouse: Warehouse, schema: str, table: str) -> set[str]:
    """Names in lower case; none when there is no such table."""
    if not warehouse.dialect.catalog_views:
        try:
            return {c.name.lower() for c in columns_of(warehouse, prefix_in(warehouse, schema) + Markup(table))}
        except MissingRelation:
            return set()
    params = {"schema_name": schema.split(".")[-1], "table_name": table}
    rows = warehouse.fetch(render("results/table_columns", params, warehouse.dialect).sql, name=f"columns of {table}")
    return {str(r["column_name"]).lower() for r in rows}
