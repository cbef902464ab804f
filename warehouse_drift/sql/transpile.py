"""Canonical SQL to a warehouse's dialect, refusing what cannot be translated."""

from __future__ import annotations

import sqlglot
from sqlglot.errors import ErrorLevel, SqlglotError

from warehouse_drift.errors import DialectError
from warehouse_drift.sql.dialect import Dialect
from warehouse_drift.sql.expressions import with_user_sql
from warehouse_drift.sql.portable import violations
from warehouse_drift.sql.rewrites import REWRITES


def transpile(canonical: str, dialect: Dialect, name: str = "statement") -> str:
    """SQL that a user wrote is put in as it is, after the checks and rewrites: it is in the dialect's grammar already.

    Raises DialectError naming the statement, the dialect and the reason.
    """
    try:
        tree = sqlglot.parse_one(canonical, read="duckdb")
        found = violations(tree)
        if found:
            raise DialectError(f"{name} leaves the house subset: {'; '.join(found)}.")
        for rewrite in dialect.rewrites:
            tree = REWRITES[rewrite](tree)
        tree = with_user_sql(tree, dialect)
        return tree.sql(dialect=dialect.sqlglot_name, unsupported_level=ErrorLevel.RAISE, pretty=True)
    except SqlglotError as error:
        raise DialectError(f"{name} cannot be translated to {dialect.name}: {str(error).splitlines()[0]}.") from error
