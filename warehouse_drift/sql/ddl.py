"""Statements that are never translated: each dialect states their shape in dialect.toml, names are filled in here."""

from __future__ import annotations

from warehouse_drift.sql.dialect import Dialect
from warehouse_drift.sql.environment import identifier


def own_name(dialect: Dialect, *parts: str | None) -> str:
    """``schema.table`` quoted as the warehouse quotes; empty parts are left out."""
    if dialect.canonical:
        return ".".join(identifier(p) for p in parts if p)
    from sqlglot import exp

    return ".".join(exp.to_identifier(p, quoted=True).sql(dialect=dialect.sqlglot_name) for p in parts if p)


def create_scratch(name: str, select: str, dialect: Dialect) -> str:
    return dialect.statements["create_scratch"].format(name=own_name(dialect, name), select=select)


def drop_scratch(name: str, dialect: Dialect) -> str:
    return dialect.statements["drop_scratch"].format(name=own_name(dialect, name))
