"""The printed rights are enough, and not more: a new role with them alone compares, makes its schema and writes to it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy.engine import make_url

from integration.engines import Engine
from warehouse_drift import api
from warehouse_drift.errors import QueryError
from warehouse_drift.results import migrate, read, vacuum, write
from warehouse_drift.results.grants import grants
from warehouse_drift.warehouse.connect import open_warehouse


@pytest.mark.slow
def test_postgres(engines: Callable[[str], Engine]) -> None:
    engine = engines("postgres")
    url = make_url(engine.url)
    engine.load({"watched": {"amount": [1.0, 2.0, 3.0]}, "secret": {"amount": [1.0]}})
    with open_warehouse(engine.url) as admin:
        for sql in (
            "DROP SCHEMA IF EXISTS watch CASCADE", "REVOKE ALL ON DATABASE postgres FROM PUBLIC", "GRANT CONNECT ON DATABASE postgres TO PUBLIC",
            "CREATE ROLE watcher LOGIN PASSWORD 'x'",
        ):  # fmt: skip
            admin.execute(sql, name="test")
        given = grants(["watched", "(SELECT * FROM public.watched)"], admin.dialect, "watch", "watcher", url.database)
        for sql in (*given.source, *given.results):
            admin.execute(sql, name="grant")
    mine = url.set(username="watcher", password="x").render_as_string(hide_password=False)
    try:
        assert api.compare(mine, "watched", "watched").rows
        with open_warehouse(mine) as wh:
            migrate.create_all(wh, "watch")
            event = {"run_id": "r", "project": "p", "monitor": "m", "event": "started", "event_at": read.now(wh)}
            assert write.insert_rows(wh, "watch", "wd_run_events", [event]) == 1
            done = vacuum.vacuum(wh, "watch", now=read.now(wh) + timedelta(hours=25))
            assert done.abandoned == (("r", "p", "m"),)
            with pytest.raises(QueryError, match="permission denied"):
                wh.fetch("SELECT * FROM secret", name="test")
            with pytest.raises(QueryError, match="permission denied"):
                wh.execute("CREATE SCHEMA another", name="test")
    finally:
        with open_warehouse(engine.url) as admin:
            for sql in ("DROP OWNED BY watcher CASCADE", "DROP SCHEMA IF EXISTS watch CASCADE", "DROP ROLE watcher"):
                admin.execute(sql, name="test")
