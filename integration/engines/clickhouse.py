"""ClickHouse, the engine itself inside the process (chdb), through clickhouse-connect as a server would be."""

from __future__ import annotations

import shutil
import tempfile

from integration.engines import Engine, Tables, Unavailable, kind_of, quoted

TYPES = {"timestamp": "DateTime64(6)", "boolean": "Bool", "bigint": "Int64", "text": "String", "double": "Float64"}


def start() -> Engine:
    try:
        import chdb
        import clickhouse_connect
    except ImportError as error:
        raise Unavailable(f"{error.name} is not installed (extras clickhouse and dev)") from error
    folder = tempfile.mkdtemp(prefix="wd_ch_")
    client = clickhouse_connect.get_client(interface="chdb", path=folder)

    def load(tables: Tables) -> None:
        for name, columns in tables.items():
            listed = ", ".join(f"{quoted(c)} Nullable({TYPES[kind_of(v)]})" for c, v in columns.items())
            client.command(f"DROP TABLE IF EXISTS {quoted(name)}")
            client.command(f"CREATE TABLE {quoted(name)} ({listed}) ENGINE = MergeTree ORDER BY tuple()")
            rows = list(zip(*columns.values(), strict=True))
            if rows:
                client.insert(name, rows, column_names=list(columns))

    def close() -> None:
        client.close()
        shutil.rmtree(folder, ignore_errors=True)

    version = f"ClickHouse {'.'.join(str(chdb.engine_version).split('.')[:2])}"
    return Engine("clickhouse", "clickhouse", version, f"clickhousedb:///?interface=chdb&path={folder}", load, close)
