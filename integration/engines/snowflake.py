"""Snowflake's real connector and SQLAlchemy dialect against fakesnow, an emulator that executes on DuckDB."""

from __future__ import annotations

import json
import math
import os
from datetime import datetime
from typing import Any

from integration.engines import Engine, Tables, Unavailable, kind_of, quoted
from integration.engines.emulators import Process, environment, free_port

VERSION = "0.12.1"
TYPES = {"timestamp": "TIMESTAMP_NTZ", "boolean": "BOOLEAN", "bigint": "BIGINT", "text": "VARCHAR", "double": "DOUBLE"}
ROWS = 4000


def plain(value: Any) -> Any:
    """A value in JSON: numbers that JSON has not, and moments, as texts that the column's type reads."""
    if isinstance(value, float) and not math.isfinite(value):
        return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"
    return value.isoformat(sep=" ") if isinstance(value, datetime) else value


def literal(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def start() -> Engine:
    try:
        import snowflake.connector
        import snowflake.sqlalchemy
    except ImportError as error:
        raise Unavailable(f"{error.name} is not installed (extra snowflake)") from error
    home = environment("fakesnow", [f"fakesnow[server]=={VERSION}", "snowflake-connector-python==4.8.1"])
    port = free_port()
    server = Process([str(home / "bin" / "fakesnow"), "-s", "-p", str(port)], port)
    network: dict[str, Any] = {"host": "127.0.0.1", "port": port, "protocol": "http"}

    def connect(**more: Any) -> Any:
        return snowflake.connector.connect(account="fake", user="drift", password="drift", **network, **more)

    with connect() as connection:
        connection.cursor().execute("CREATE DATABASE IF NOT EXISTS d")
        connection.cursor().execute("CREATE SCHEMA IF NOT EXISTS d.s")

    def load(tables: Tables) -> None:
        with connect(database="D", schema="S") as connection:
            cursor = connection.cursor()
            for name, columns in tables.items():
                listed = ", ".join(f"{quoted(c)} {TYPES[kind_of(v)]}" for c, v in columns.items())
                cursor.execute(f"CREATE OR REPLACE TABLE {quoted(name)} ({listed})")
                rows = list(zip(*columns.values(), strict=True))
                # one text a batch: the emulator reads a thousand literals in seconds
                typed = ", ".join(f"value[{i}]::{TYPES[kind_of(v)]}" for i, v in enumerate(columns.values()))
                for first in range(0, len(rows), ROWS):
                    some = json.dumps([[plain(v) for v in r] for r in rows[first : first + ROWS]], ensure_ascii=False)
                    source = f"TABLE(FLATTEN(INPUT => PARSE_JSON({literal(some)})))"
                    cursor.execute(f"INSERT INTO {quoted(name)} SELECT {typed} FROM {source}")

    # the emulator's address stands in the URL, so that a drift.yml can name it; a real account needs none
    os.environ["SNOWFLAKE_SQLALCHEMY_LEGACY_URL_PARAMS"] = "1"
    url = f"snowflake://drift:drift@fake/D/S?host=127.0.0.1&port={port}&protocol=http&network_timeout=20"
    return Engine("snowflake", "snowflake", f"fakesnow {VERSION}", url, load, server.stop)
