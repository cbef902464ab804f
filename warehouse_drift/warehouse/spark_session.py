"""A SQLAlchemy driver over a Spark session: SQL text in, small results out.

URLs: ``spark+connect://host:15002`` (Spark Connect), ``spark:///?master=local[2]`` or ``spark://`` (the session of this
process, made if there is none). ``connect_args={"session": spark}`` takes a session that is already there.

Two statements are this driver's own: ``NAME JOBS AS 'text'`` names the jobs that follow in Spark's UI and its history
(with Spark Connect: tags them). ``CHECKPOINT TABLE name AS SELECT ...`` computes a result once, leaves it with the
executors, and forgets how it was made. A cached view would be planned again with all that it was made from at every
use (measured: ten such steps take minutes to plan), and a table would have to be written.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Sequence
from types import ModuleType
from typing import Any

from sqlalchemy.engine import URL
from sqlalchemy.engine.default import DefaultDialect

apilevel = "2.0"
threadsafety = 1
paramstyle = "pyformat"


_NAME = re.compile(r"\s*NAME JOBS AS '([^']*)'")
_CHECKPOINT = re.compile(r"CHECKPOINT TABLE `((?:[^`]|``)+)` AS (.*)", re.S)


class Error(Exception):
    """What the session refused; its first line is a sentence."""


class DatabaseError(Error):
    """The class that SQLAlchemy looks for."""


InterfaceError = OperationalError = ProgrammingError = IntegrityError = DataError = InternalError = NotSupportedError = (
    DatabaseError
)


def _refused(error: Exception) -> DatabaseError:
    """The condition and its text, without the plan and without Java's stack."""
    text = str(error).strip()
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith(("==", "at ", "\t"))]
    return DatabaseError(lines[0] if lines else type(error).__name__)


def _name_jobs(session: Any, text: str) -> None:
    try:
        session.sparkContext.setJobGroup(text, text)
    except Exception:  # Spark Connect has no context
        session.clearTags()
        session.addTag(text.replace(",", "_"))


class Cursor:
    """Statements run at once, as the session does; rows are fetched on demand, at most as many as asked for."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self._frame: Any = None
        self.description: list[tuple[Any, ...]] | None = None
        self.rowcount = -1
        self.arraysize = 1

    def execute(self, sql: str, parameters: object = None) -> None:
        kept = _CHECKPOINT.match(sql)
        try:
            if (named := _NAME.match(sql)) is not None:
                _name_jobs(self._session, named.group(1))
                self.description = None
                return
            if kept is not None:
                frame = self._session.sql(kept.group(2)).localCheckpoint(True)
                frame.createOrReplaceTempView(kept.group(1).replace("``", "`"))
                self.description = None
                return
            self._frame = self._session.sql(sql)
            fields = self._frame.schema.fields
        except Exception as error:
            raise _refused(error) from error
        self.description = [(f.name, f.dataType.simpleString(), None, None, None, None, True) for f in fields] or None

    def fetchmany(self, size: int = 1) -> list[tuple[Any, ...]]:
        """The first rows; later calls give none, for nothing here reads a result in parts."""
        return self._take(lambda frame: frame.limit(size).collect())

    def fetchall(self) -> list[tuple[Any, ...]]:
        return self._take(lambda frame: frame.collect())

    def fetchone(self) -> tuple[Any, ...] | None:
        rows = self.fetchmany(1)
        return rows[0] if rows else None

    def _take(self, read: Any) -> list[tuple[Any, ...]]:
        frame, self._frame = self._frame, None
        if frame is None:
            return []
        try:
            return [tuple(row) for row in read(frame)]
        except Exception as error:
            raise _refused(error) from error

    def close(self) -> None:
        self._frame = None


class Connection:
    """There are no transactions; closing ends the session only if this connection made it."""

    def __init__(self, session: Any, own: bool) -> None:
        self._session, self._own = session, own

    def cursor(self) -> Cursor:
        return Cursor(self._session)

    def commit(self) -> None: ...

    def rollback(self) -> None: ...

    def close(self) -> None:
        if self._own:
            self._session.stop()


def connect(*, session: Any = None, remote: str | None = None, **options: str) -> Connection:
    """A connection to the given session, to a Spark Connect server, or to the session of this process."""
    if session is not None:
        return Connection(session, own=False)
    builder = importlib.import_module("pyspark.sql").SparkSession.builder
    try:
        if remote is not None:
            return Connection(builder.remote(remote).getOrCreate(), own=True)
        if master := options.pop("master", None):
            builder = builder.master(master)
        for name, value in options.items():
            builder = builder.config(name, value)
        return Connection(builder.getOrCreate(), own=False)
    except Exception as error:
        raise _refused(error) from error


class SessionDialect(DefaultDialect):
    """Just enough for plain statements: no reflection, no parameters."""

    name = "spark"
    driver = "session"
    supports_statement_cache = False
    supports_native_boolean = True

    @classmethod
    def import_dbapi(cls) -> ModuleType:
        importlib.import_module("pyspark")
        return importlib.import_module(__name__)

    def create_connect_args(self, url: URL) -> tuple[Sequence[Any], dict[str, Any]]:
        options = {k: v if isinstance(v, str) else v[-1] for k, v in url.query.items()}
        if url.drivername.endswith("+connect"):
            token = f";token={url.password}" if url.password else ""
            options["remote"] = f"sc://{url.host or 'localhost'}:{url.port or 15002}/{token and ';' + token[1:]}"
        return (), options

    def initialize(self, connection: Any) -> None:
        """Nothing is asked of the engine beforehand."""

    def do_ping(self, dbapi_connection: Any) -> bool:
        return True
