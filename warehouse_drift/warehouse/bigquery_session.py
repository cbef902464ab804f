"""Google's SQLAlchemy driver with one session a connection: BigQuery's temporary tables live in a session only.

``?api_endpoint=`` in the URL names another address than Google's public one (a private endpoint, a regional one, an
emulator); ``&anonymous=true`` then sends no credentials, which only an emulator takes.

Three statements are this driver's own, for what BigQuery takes with a job and not as SQL: ``DRY RUN SELECT ...``
answers the bytes that would be billed, ``NAME JOBS AS 'a=b c=d'`` puts labels on all jobs that follow, and
``LIMIT JOBS TO n BYTES`` has the server refuse a job that would bill more (0: no limit).
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence
from typing import Any

from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery
from sqlalchemy.engine import URL
from sqlalchemy_bigquery import BigQueryDialect

_OWN = re.compile(
    r"\s*(?:DRY RUN (?P<select>.*)|NAME JOBS AS '(?P<names>[^']*)'.*|LIMIT JOBS TO (?P<bytes>\d+) BYTES.*)\Z", re.S
)
_NO_LABEL = re.compile(r"[^a-z0-9_-]")


def labels_of(text: str) -> dict[str, str]:
    """``key=value`` words as labels: lower case, letters, digits, _ and -, at most 63 characters."""
    pairs = (word.split("=", 1) for word in text.split() if "=" in word)
    return {_NO_LABEL.sub("_", k.lower())[:63]: _NO_LABEL.sub("_", v.lower())[:63] for k, v in pairs}


def _tell_arrays(cursor: Any) -> None:
    """Google's cursor describes an array by the type of its elements, as if it were one value."""
    rows = cursor._query_rows
    if rows is None or not cursor.description or len(rows.schema) != len(cursor.description):
        return
    cursor.description = tuple(
        told._replace(type_code="ARRAY") if field.mode == "REPEATED" else told
        for told, field in zip(cursor.description, rows.schema, strict=True)
    )


class SessionDialect(BigQueryDialect):  # type: ignore[misc]  # the driver has no types
    """Opens a session with the connection and ends it with it, so that nothing temporary stays."""

    supports_statement_cache = False
    _config: Any = None
    _first_cap: int | None = None
    """maximum_bytes_billed of the URL (0: none): no later limit is above it"""

    def create_job_config(self, provided_config: Any) -> Any:
        """What the URL says of all statements; kept, for a client that is made here."""
        self._config = super().create_job_config(provided_config)
        return self._config

    def create_connect_args(self, url: URL) -> tuple[Sequence[Any], dict[str, Any]]:
        endpoint, anonymous = url.query.get("api_endpoint"), url.query.get("anonymous") == "true"
        plain = url.difference_update_query(["api_endpoint", "anonymous"])
        if endpoint is None:
            return super().create_connect_args(plain)  # type: ignore[no-any-return]
        credentials: Any = AnonymousCredentials() if anonymous else None  # type: ignore[no-untyped-call]
        if anonymous:
            super().create_connect_args(plain.update_query_dict({"user_supplied_client": "true"}))
        else:
            credentials = super().create_connect_args(plain)[1]["client"]._credentials
        client = bigquery.Client(
            project=url.host,
            credentials=credentials,
            client_options={"api_endpoint": str(endpoint)},
            default_query_job_config=self._config,
        )
        return [], {"client": client}

    def connect(self, *args: Any, **given: Any) -> Any:
        """A connection whose statements all run in a new session."""
        given.setdefault("prefer_bqstorage_client", False)  # for large results, which are refused here
        connection = super().connect(*args, **given)
        client = connection._client
        job = client.query("SELECT 1", job_config=bigquery.QueryJobConfig(create_session=True))
        job.result()
        config = client.default_query_job_config or bigquery.QueryJobConfig()
        session = bigquery.ConnectionProperty("session_id", job.session_info.session_id)
        config.connection_properties = [*config.connection_properties, session]
        client.default_query_job_config = config
        return connection

    def do_execute(self, cursor: Any, statement: str, parameters: Any, context: Any = None) -> None:
        super().do_execute(cursor, self._own(cursor, statement), parameters, context)
        _tell_arrays(cursor)

    def do_execute_no_params(self, cursor: Any, statement: str, context: Any = None) -> None:
        cursor.execute(self._own(cursor, statement))
        _tell_arrays(cursor)

    def _own(self, cursor: Any, statement: str) -> str:
        """Does what a statement of this driver's own asks for; the SQL that then answers it (others as they are)."""
        if (own := _OWN.match(statement)) is None:
            return statement
        client = cursor.connection._client
        if own["select"] is not None:
            config = bigquery.QueryJobConfig(dry_run=True, use_query_cache=False)
            return f"SELECT {int(client.query(own['select'], job_config=config).total_bytes_processed)} AS bytes"
        config = client.default_query_job_config
        if own["names"] is not None:
            config.labels = labels_of(own["names"])
        else:
            if self._first_cap is None:
                self._first_cap = config.maximum_bytes_billed or 0
            limits = [n for n in (int(own["bytes"]), self._first_cap) if n]
            config._properties.get("query", {}).pop("maximumBytesBilled", None)  # None would be written as a text
            if limits:
                config.maximum_bytes_billed = min(limits)
        client.default_query_job_config = config
        return "SELECT 1 AS done"

    def do_close(self, dbapi_connection: Any) -> None:
        with contextlib.suppress(Exception):  # without it the session ends by itself after a day
            dbapi_connection._client.query_and_wait("CALL BQ.ABORT_SESSION()")
        super().do_close(dbapi_connection)
