"""BigQuery's real client and SQLAlchemy dialect against bqemulator, an emulator that executes on DuckDB."""

from __future__ import annotations

import io

from integration.engines import Engine, Tables, Unavailable, kind_of
from integration.engines.emulators import Process, environment, free_port

VERSION, DUCKDB = "1.4.0", "1.5.5"
PACKAGES = [f"bqemulator=={VERSION}", f"duckdb=={DUCKDB}", f"duckdb-extension-spatial=={DUCKDB}", "numpy"]


def start() -> Engine:
    try:
        import pyarrow as pa
        import sqlalchemy_bigquery
        from google.auth.credentials import AnonymousCredentials
        from google.cloud import bigquery
        from pyarrow import parquet
    except ImportError as error:
        raise Unavailable(f"{error.name} is not installed (extras bigquery and dev)") from error
    assert sqlalchemy_bigquery
    home = environment("bqemulator", PACKAGES)
    spatial = next(home.glob("lib/*/site-packages/duckdb_extension_spatial/extensions/*/spatial.duckdb_extension"))
    port = free_port()
    server = Process(
        [str(home / "bin" / "bqemulator"), "start", "--rest-port", str(port), "--grpc-port", str(free_port()), "--project", "p", "--log-level", "error"],
        port,
        files={f".duckdb/extensions/v{DUCKDB}/linux_amd64/{spatial.name}": spatial},
    )  # fmt: skip
    endpoint = f"http://127.0.0.1:{port}"
    client = bigquery.Client("p", AnonymousCredentials(), client_options={"api_endpoint": endpoint})  # type: ignore[no-untyped-call]
    client.create_dataset("d")
    types = {
        "boolean": (pa.bool_(), "BOOL"),
        "bigint": (pa.int64(), "INT64"),
        "text": (pa.string(), "STRING"),
        "double": (pa.float64(), "FLOAT64"),
        "timestamp": (pa.timestamp("us"), "DATETIME"),
    }

    def load(tables: Tables) -> None:
        for name, columns in tables.items():
            kinds = {c: kind_of(v) for c, v in columns.items()}
            arrays = {c: pa.array(list(v), types[kinds[c]][0], from_pandas=False) for c, v in columns.items()}
            file = io.BytesIO()
            parquet.write_table(pa.table(arrays), file)
            file.seek(0)
            client.delete_table(f"p.d.{name}", not_found_ok=True)
            schema = [bigquery.SchemaField(c, types[k][1]) for c, k in kinds.items()]
            config = bigquery.LoadJobConfig(source_format="PARQUET", schema=schema)
            client.load_table_from_file(file, f"p.d.{name}", job_config=config).result()

    def close() -> None:
        client.close()
        server.stop()

    # with a priority the client makes a job of every statement: the emulator answers the shorter call (jobs.query) without
    # the default dataset, and with "no rows" instead of an error
    url = f"bigquery://p/?api_endpoint={endpoint}&anonymous=true&priority=INTERACTIVE"
    return Engine("bigquery", "bigquery", f"bqemulator {VERSION}", url, load, close, place="d.")
