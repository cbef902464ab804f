"""Opening a warehouse from a SQLAlchemy URL."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from warehouse_drift.errors import DialectError, LockedDatabase, WarehouseError
from warehouse_drift.sql.dialect import Dialect, dialect_for_url
from warehouse_drift.warehouse.execute import Warehouse, first_line, mask

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection, Engine

_LOCKED = re.compile(r"could not set lock|conflicting lock|database is locked|used by another process", re.I)
_OTHER_MODE = re.compile(r"different configuration than existing connections", re.I)
_HOLDER = re.compile(r"\(PID (\d+)\)")


def open_warehouse(
    url: str,
    *,
    read_only: bool = False,
    existing: bool = False,
    result_schema: str | None = None,
    connect_args: dict[str, Any] | None = None,
    roles: tuple[str | None, str | None] = (None, None),
    scratch: bool = True,
) -> Warehouse:
    """One open connection. ``read_only`` opens an embedded database file so that nothing can be written to it; where
    no scratch table is needed either (``scratch`` false), a server's session is made read-only. ``existing``: an embedded
    database's file must be there (it holds the sources, so a path without a file is a mistake) also to be written to.
    ``roles``: which role reads, and which writes.

    Raises DialectError for an unknown kind of URL, LockedDatabase when another process holds the file, WarehouseError
    for everything else that can go wrong; one sentence each, passwords masked.
    """
    from sqlalchemy import create_engine
    from sqlalchemy.dialects import registry
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

    dialect = dialect_for_url(url)
    for name, place in dialect.driver.items():
        registry.register(name, *place.split(":", 1))
    args = dict(connect_args or {})
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise WarehouseError(f"{mask(url)!r} is not a database URL.", hint="Example: duckdb:///shop.duckdb") from error
    file = _embedded_file(dialect, parsed.database)
    if file is not None:
        _check_file(file, read_only or existing)
        if read_only:
            args["read_only"] = True
    try:
        # each statement is committed by itself (``Warehouse``): what begins and ends a transaction around it can be left out
        alone = {"isolation_level": "AUTOCOMMIT"} if dialect.own_connection else {}
        engine = create_engine(parsed, connect_args=args, pool_pre_ping=False, **alone)
        if dialect.own_connection:
            _past_the_cursor(engine, dialect.statements["create_scratch"].split("{", 1)[0])
        connection = _connected(engine, dialect, url)
    except (ImportError, NoSuchModuleError) as error:
        extra = dialect.extra or dialect.name
        raise WarehouseError(
            f"The driver for {dialect.name} is not installed ({mask(str(error))}).",
            hint=f"Run: pip install 'warehouse-drift[{extra}]'",
        ) from error
    except (SQLAlchemyError, TypeError, ValueError, OSError) as error:
        raise _refused(url, file, read_only, error) from error
    warehouse = Warehouse(engine, connection, dialect, url, result_schema=result_schema)
    for number, statement in enumerate(s for s in dialect.statements.get("session", "").split(";") if s.strip()):
        warehouse.set(statement, name=f"session setting {number + 1}")
    if any(roles):
        warehouse.roles = _roles(roles, dialect)
    if read_only and not scratch and "read_only" in dialect.statements:
        warehouse.set(dialect.statements["read_only"], name="read-only session")
    return warehouse


def _roles(roles: tuple[str | None, str | None], dialect: Dialect) -> tuple[str | None, str | None]:
    """The roles as SQL names. Raises DialectError where a session cannot change its role."""
    from warehouse_drift.results.place import plain_name

    if "role" not in dialect.statements:
        raise DialectError(
            f"warehouse.role: a session of {dialect.name} cannot change its role.",
            hint="Take warehouse.role and warehouse.results.role out; give the user of the URL the rights that `grants` prints.",
        )
    reads, writes = (str(plain_name(r, dialect)) if r else None for r in roles)
    return reads, writes


def _past_the_cursor(engine: Engine, beginning: str) -> None:
    """Sends statements with this ``beginning``, of which nothing is read, by the driver's own connection
    (``Dialect.own_connection``)."""
    from sqlalchemy import event

    def send(cursor: Any, statement: str, context: object) -> bool:
        if not statement.startswith(beginning):
            return False
        cursor.connection.execute(statement)
        return True

    event.listen(engine, "do_execute_no_params", send)


def _connected(engine: Engine, dialect: Dialect, url: str) -> Connection:
    """A connection; a server that is just starting is asked again."""
    from sqlalchemy.exc import SQLAlchemyError

    attempt = 1
    while True:
        try:
            return engine.connect()
        except SQLAlchemyError as error:
            from warehouse_drift.warehouse import retry

            if retry.kind_of(error, dialect) != "lost" or attempt >= retry.ATTEMPTS:
                raise
            retry.wait(f"connecting to {mask(url)}", first_line(error), attempt)
            attempt += 1


def _embedded_file(dialect: Dialect, database: str | None) -> Path | None:
    """The file of an embedded database; None for a server and for a database in memory."""
    if not dialect.canonical or not database or database.startswith((":memory:", "md:", "motherduck:")):
        return None
    return Path(database)


def _check_file(file: Path, existing: bool) -> None:
    """Says before the engine does what is wrong with the path; the engine would create a missing file."""
    if file.is_dir():
        raise WarehouseError(f"{file} is a folder, not a database file.", hint="Check the path in the URL.")
    if existing and not file.exists():
        raise WarehouseError(
            f"There is no file {file} (the folder is {Path.cwd()}).",
            hint="Check the path in the URL: three slashes for a relative path, four for an absolute one.",
        )
    if not file.parent.is_dir():
        raise WarehouseError(f"There is no folder {file.parent} for {file.name}.", hint="Check the path in the URL.")


def _refused(url: str, file: Path | None, read_only: bool, error: Exception) -> WarehouseError:
    text = first_line(error)
    if _LOCKED.search(text):
        holder = _HOLDER.search(text)
        who = f"Another process (PID {holder.group(1)})" if holder else "Another process"
        return LockedDatabase(
            f"{who} has {file or mask(url)} open, so it cannot be opened now.",
            hint="Wait for it to finish, or close the program that holds the file.",
        )
    if _OTHER_MODE.search(text):
        mode = "read-only" if read_only else "for writing"
        return LockedDatabase(
            f"This process has {file} open in another mode already, so it cannot be opened {mode} now.",
            hint="Close that connection first.",
        )
    return WarehouseError(f"Could not connect to {mask(url)}: {text}", hint="Check the URL and that you may connect.")
