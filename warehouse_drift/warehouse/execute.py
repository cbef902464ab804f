"""Running statements. Every result that comes to Python has a row cap; every failure one sentence."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from warehouse_drift.errors import QueryError
from warehouse_drift.sql.dialect import Dialect

ROW_CAP = 10_000


@dataclass(slots=True)
class Stats:
    """What a run cost on this side: statements sent, rows fetched, seconds by statement name."""

    statements: int = 0
    rows_fetched: int = 0
    seconds: dict[str, float] = field(default_factory=dict)


def first_line(error: BaseException) -> str:
    """The engine's own first line, without SQL and without anything that looks like a password."""
    original = getattr(error, "orig", None) or error
    text = str(original).strip().splitlines()[0] if str(original).strip() else type(original).__name__
    return mask(text)[:300]


def mask(text: str) -> str:
    """Passwords and tokens in URLs and key=value texts, masked."""
    text = re.sub(r"(://[^:/@\s]+):[^@/\s]+@", r"\1:***@", text)
    return re.sub(r"(?i)\b(password|token|secret|pwd)=[^\s&;]+", r"\1=***", text)


class Warehouse:
    """One connection. Statements run one after the other, each committed by itself."""

    def __init__(self, engine: Engine, connection: Connection, dialect: Dialect, url: str) -> None:
        self.engine = engine
        self.connection = connection
        self.dialect = dialect
        self.url = mask(url)
        self.stats = Stats()

    def __enter__(self) -> Warehouse:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self.connection.close()
        self.engine.dispose()

    def fetch(self, sql: str, *, name: str, max_rows: int = ROW_CAP) -> list[dict[str, Any]]:
        """Rows as dictionaries, lower-case keys. Raises QueryError above ``max_rows``: rows are not for Python."""
        started = time.perf_counter()
        try:
            result = self.connection.exec_driver_sql(_escaped(sql, self.engine))
            keys = [k.lower() for k in result.keys()]
            rows = result.fetchmany(max_rows + 1)
            result.close()
            self.connection.commit()
        except (DBAPIError, SQLAlchemyError) as error:
            raise self._failure(name, sql, error) from error
        finally:
            self._count(name, started)
        if len(rows) > max_rows:
            raise QueryError(f"{name} would bring more than {max_rows:,} rows to Python, which is refused.", sql=sql)
        self.stats.rows_fetched += len(rows)
        return [dict(zip(keys, row, strict=True)) for row in rows]

    def execute(self, sql: str, *, name: str) -> None:
        """A statement without a result."""
        started = time.perf_counter()
        try:
            self.connection.exec_driver_sql(_escaped(sql, self.engine)).close()
            self.connection.commit()
        except (DBAPIError, SQLAlchemyError) as error:
            raise self._failure(name, sql, error) from error
        finally:
            self._count(name, started)

    def _count(self, name: str, started: float) -> None:
        self.stats.statements += 1
        self.stats.seconds[name] = self.stats.seconds.get(name, 0.0) + time.perf_counter() - started

    def _failure(self, name: str, sql: str, error: Exception) -> QueryError:
        try:
            self.connection.rollback()
        except SQLAlchemyError:
            pass  # the connection is gone; the first error is the one to tell
        return QueryError(f"The warehouse refused {name}: {first_line(error)}", sql=sql)


def _escaped(sql: str, engine: Engine) -> str:
    """Drivers that format their statements read '%' as a mark: it is doubled for them."""
    return sql.replace("%", "%%") if engine.dialect.paramstyle in ("pyformat", "format") else sql
