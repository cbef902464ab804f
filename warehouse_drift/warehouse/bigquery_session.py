"""Google's SQLAlchemy driver with one session a connection: BigQuery's temporary tables live in a session only.

``?api_endpoint=`` in the URL names another address than Google's public one (a private endpoint, a regional one, an
emulator); ``&anonymous=true`` then sends no credentials, which only an emulator takes.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery
from sqlalchemy.engine import URL
from sqlalchemy_bigquery import BigQueryDialect


class SessionDialect(BigQueryDialect):  # type: ignore[misc]  # the driver has no types
    """Opens a session with the connection and ends it with it, so that nothing temporary stays."""

    supports_statement_cache = False
    _config: Any = None

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

    def do_close(self, dbapi_connection: Any) -> None:
        with contextlib.suppress(Exception):  # without it the session ends by itself after a day
            dbapi_connection._client.query_and_wait("CALL BQ.ABORT_SESSION()")
        super().do_close(dbapi_connection)
