"""Statements that are never translated: each dialect states their shape in dialect.toml, names are filled in here."""

from __future__ import annotations

from warehouse_drift.sql.dialect import Dialect
from warehouse_drift.sql.environment import identifier


def create_scratch(name: str, select: str, dialect: Dialect) -> str:
    return dialect.statements["create_scratch"].format(name=identifier(name), select=select)


def drop_scratch(name: str, dialect: Dialect) -> str:
    return dialect.statements["drop_scratch"].format(name=identifier(name))
