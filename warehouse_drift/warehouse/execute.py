"""Running statements. Every result that comes to Python has a row cap; every failure one sentence."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, TypeVar

from sqlalchemy.engine import Connection, CursorResult, Engine
from sqlalchemy.exc import SQLAlchemyError

from warehouse_drift.errors import DialectError, QueryError
from warehouse_drift.sql.dialect import Dialect
from warehouse_drift.sql.environment import text_literal

ROW_CAP = 10_000
T = TypeVar("T")


@dataclass(slots=True)
class Stats:
    """What a run cost on this side: statements sent, rows fetched, seconds by statement name."""

    statements: int = 0
    rows_fetched: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    repeated: list[str] = field(default_factory=list)
    """a sentence for every statement that was sent again after a failure that passes by itself"""


def first_line(error: BaseException) -> str:
    """The engine's own first line, without SQL and without anything that looks like a password."""
    original = getattr(error, "orig", None) or error
    text = str(original).strip().splitlines()[0] if str(original).strip() else type(original).__name__
    return mask(text)[:300]


def mask(text: str) -> str:
    """Passwords and tokens in URLs and key=value texts, masked. A password may hold '@' and '/': all up to the last
    '@' goes."""
    text = re.sub(r"(://[^:/@\s]*):\S*@", r"\1:***@", text)
    return re.sub(r"(?i)\b(\w*(?:password|passwd|token|secret|pwd|private_key|api_key))=[^\s&;]+", r"\1=***", text)


class Warehouse:
    """One connection. Statements run one after the other, each committed by itself: no transaction spans two of them
    (but for ``one_transaction``, which only views need), so an interruption leaves whole statements, and publishing is
    what makes their rows visible."""

    def __init__(
        self, engine: Engine, connection: Connection, dialect: Dialect, url: str, *, result_schema: str | None = None
    ) -> None:
        self.engine = engine
        # no_parameters: the driver gets the text alone, so '%' and ':name' in it are nothing special
        self.connection = connection.execution_options(no_parameters=True)
        self.dialect = dialect
        self.url = mask(url)
        self.result_schema = result_schema
        self.stats = Stats()
        self.label = ""
        self.before: Callable[[str, str], None] | None = None
        """Called with the text and the name of each statement before it is sent; may refuse it (a budget does)."""
        self.held = 0
        """Scratch tables that this connection holds: with them it cannot be replaced by a new one."""
        self.roles: tuple[str | None, str | None] = (None, None)
        """The role that reads and the role that writes; None: the session's own."""
        self._role: str | None = None
        self._settings: dict[str, str] = {}
        self._lost = False
        self.together = False
        """Inside ``one_transaction``: nothing is committed, and no statement is sent again, for what stood before it is gone."""

    def __enter__(self) -> Warehouse:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """May be called twice, and after the connection broke."""
        with suppress(SQLAlchemyError):  # it may be gone already
            self.connection.close()
        self.engine.dispose()

    def labelled(self, *, project: str, run_id: str = "", monitor: str = "") -> None:
        """Says on whose behalf the following statements run: in a comment at the end of each, and as the session's own
        tag where the warehouse has one, so that its query history and its bill can be read by monitor."""
        parts = (("project", project), ("monitor", monitor), ("run", run_id))
        named = " ".join(f"{k}={re.sub(r'[^A-Za-z0-9_.:-]', '_', v)}" for k, v in parts if v)
        self.label = f"warehouse_drift {named}"
        if (shape := self.dialect.statements.get("tag")) is None:
            return
        with suppress(QueryError):  # a role, or an emulator, may have no such setting; the comments say the same
            self.set(shape.format(text=text_literal(self.label)), name="query tag")

    def limited(self, seconds: int) -> None:
        """No statement of this session runs longer. Raises DialectError where the warehouse has no such setting."""
        shape = self.dialect.statements.get("timeout")
        if shape is None:
            raise DialectError(
                f"warehouse.statement_timeout: {self.dialect.name} has no such setting for a session.",
                hint="Leave it out, and set it for the user or the warehouse.",
            )
        self.set(shape.format(seconds=seconds, milliseconds=seconds * 1000), name="statement timeout")

    def set(self, sql: str, *, name: str) -> None:
        """A setting of the session; a connection that replaces a lost one gets it again."""
        self.local(sql, name=name)
        self._settings[name] = sql

    def fetch(self, sql: str, *, name: str, max_rows: int = ROW_CAP) -> list[dict[str, Any]]:
        """Rows as dictionaries, lower-case keys. Raises QueryError when the warehouse refuses the statement, and above
        ``max_rows``: rows are not for Python. After a failure that passes by itself it is sent again."""

        def asked(attempt: int) -> tuple[list[str], Sequence[Any]]:
            self._act_as(self.roles[0])
            with self._running(sql, name) as result:
                return [str(k).lower() for k in result.keys()], result.fetchmany(max_rows + 1)  # noqa: SIM118  (a result is no dict)

        keys, rows = self._repeatedly(asked, name)
        if len(rows) > max_rows:
            raise QueryError(f"{name} would bring more than {max_rows:,} rows to Python, which is refused.", sql=sql)
        self.stats.rows_fetched += len(rows)
        return [dict(zip(keys, row, strict=True)) for row in rows]

    def execute(self, sql: str, *, name: str) -> int | None:
        """A statement that writes. Rows changed, where the driver knows."""
        self._act_as(self.roles[1])
        with self._running(sql, name) as result:
            count = result.rowcount
        return count if count is not None and count >= 0 else None

    def local(self, sql: str, *, name: str) -> None:
        """A statement that changes the session alone: its settings, its scratch tables. The role that reads does it."""
        self._act_as(self.roles[0])
        with self._running(sql, name):
            pass

    def _act_as(self, role: str | None) -> None:
        if role is None or role == self._role:
            return
        with self._running(self.dialect.statements["role"].format(role=role), "role"):
            pass
        self._role = role

    def keep(self, create: str, drop: str, *, name: str) -> None:
        """Makes a scratch table. After a failure that passes by itself, what may be there of it is dropped, and it is made
        again."""

        def made(attempt: int) -> None:
            if attempt > 1:
                self.local(drop, name="drop scratch")
            self.local(create, name=name)

        self._repeatedly(made, name)
        self.held += 1

    def _repeatedly(self, work: Callable[[int], T], name: str) -> T:
        """Does ``work``, which gets the number of the attempt, again after failures that pass by themselves."""
        attempt = 1
        while True:
            try:
                return work(attempt)
            except QueryError as error:
                if not self._again(error, name, attempt):
                    raise
                attempt += 1

    def _again(self, error: QueryError, name: str, attempt: int) -> bool:
        """Whether a statement that failed is sent again; waits before it says so."""
        if not error.transient or self.together or (error.transient == "lost" and self.held):
            return False
        from warehouse_drift.warehouse import retry

        if attempt >= retry.ATTEMPTS:
            error.hint = f"It was tried {attempt} times."
            return False
        self.stats.repeated.append(retry.wait(name, error.message, attempt))
        return True

    def _reconnect(self) -> None:
        """A new connection in place of one that was lost, with the same settings."""
        with suppress(Exception):
            self.connection.invalidate()
            self.connection.close()
        self.connection = self.engine.connect().execution_options(no_parameters=True)
        self._lost = False
        for name, sql in self._settings.items():
            self.local(sql, name=name)

    def describe(self, sql: str, *, name: str) -> list[tuple[str, Any, int | None]]:
        """Names (as written), the driver's type codes and, where it tells, the digits after the point of a
        statement's columns; no row is fetched."""
        self._act_as(self.roles[0])
        with self._running(sql, name) as result:
            cursor = result.cursor
            described = list(cursor.description or ()) if cursor is not None else []
        return [(str(d[0]), d[1], d[5] if len(d) > 5 and isinstance(d[5], int) else None) for d in described]

    @contextmanager
    def one_transaction(self) -> Iterator[None]:
        """Statements in here are committed together, or none of them is. For engines with transactional DDL only."""
        self.together = True
        try:
            yield
            self.connection.commit()
        except BaseException:
            self._roll_back()
            self._role = None  # its change is taken back too
            raise
        finally:
            self.together = False

    @contextmanager
    def _running(self, sql: str, name: str) -> Iterator[CursorResult[Any]]:
        if self.before is not None:
            self.before(sql, name)
        started = time.perf_counter()
        try:
            if self._lost:
                self._reconnect()
            result = self.connection.exec_driver_sql(f"{sql}\n/* {self.label} */" if self.label else sql)
            try:
                yield result
            finally:
                result.close()
            if not self.together:
                self.connection.commit()
        except BaseException as error:
            # also Ctrl-C, and what drivers raise outside DB-API classes while rows are fetched
            self._roll_back()
            if isinstance(error, Exception) and not isinstance(error, QueryError):
                if self.dialect.interrupted and re.search(self.dialect.interrupted, str(error)):
                    raise KeyboardInterrupt from error
                raise self._refused(error, name, sql) from error
            raise
        finally:
            self.stats.statements += 1
            self.stats.seconds[name] = self.stats.seconds.get(name, 0.0) + time.perf_counter() - started

    def _refused(self, error: Exception, name: str, sql: str) -> QueryError:
        from warehouse_drift.warehouse.retry import kind_of

        kind = kind_of(error, self.dialect)
        if kind == "lost":
            self._lost, self._role = True, None
        return QueryError(f"The warehouse refused {name}: {first_line(error)}", sql=sql, transient=kind)

    def _roll_back(self) -> None:
        with suppress(Exception):
            self.connection.rollback()
