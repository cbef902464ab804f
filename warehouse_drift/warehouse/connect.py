"""Opening a warehouse from a SQLAlchemy URL."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from warehouse_drift.errors import LockedDatabase, WarehouseError
from warehouse_drift.sql.dialect import dialect_for_url
from warehouse_drift.warehouse.execute import Warehouse, first_line, mask


def open_warehouse(url: str, *, read_only: bool = False, connect_args: dict[str, Any] | None = None) -> Warehouse:
    """Raises WarehouseError (or LockedDatabase) with one sentence; passwords are masked."""
    from sqlalchemy import create_engine
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

    dialect = dialect_for_url(url)
    args = dict(connect_args or {})
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise WarehouseError(f"{mask(url)!r} is not a database URL.", hint="Example: duckdb:///shop.duckdb") from error
    if dialect.canonical and read_only and parsed.database not in (None, "", ":memory:"):
        if not Path(str(parsed.database)).exists():
            raise WarehouseError(f"There is no file {parsed.database}.", hint="Check the path in the URL.")
        args["read_only"] = True
    try:
        engine = create_engine(parsed, connect_args=args)
        return Warehouse(engine, engine.connect(), dialect, url)
    except (ImportError, NoSuchModuleError) as error:
        extra = dialect.extra or dialect.name
        raise WarehouseError(
            f"The driver for {dialect.name} is not installed ({mask(str(error))}).", hint=f"Run: pip install 'warehouse-drift[{extra}]'"
        ) from error
    except SQLAlchemyError as error:
        text = first_line(error)
        if "lock" in text.lower():
            raise LockedDatabase(
                f"Another process has {parsed.database} open for writing, so it cannot be opened now.",
                hint="Wait for it to finish, or close the program that holds the file.",
            ) from error
        raise WarehouseError(f"Could not connect to {mask(url)}: {text}") from error
