"""The printed rights are enough, and not more: a new role with them alone compares, makes its schema and writes to it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from integration.cases import days
from integration.engines import Engine
from integration.test_run import BASE, DAYS, table_of, written
from warehouse_drift import api, verbs_run
from warehouse_drift.errors import DialectError, QueryError, SchemaVersionError
from warehouse_drift.results import migrate, read, vacuum, write
from warehouse_drift.results.grants import grants
from warehouse_drift.sql.render import render
from warehouse_drift.warehouse.connect import open_warehouse

pytestmark = pytest.mark.xdist_group("postgres")


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


@pytest.mark.slow
def test_one_role_reads_and_another_writes(engines: Callable[[str], Engine], tmp_path: Path) -> None:
    """The whole run under a login that owns nothing: the reader could not have written, the writer sees no source."""
    engine = engines("postgres")
    url = make_url(engine.url)
    engine.load({"apart": table_of(engine, [*days(0, BASE), *days(BASE, DAYS, shift=1.0)])})
    yml = Path(written(tmp_path, engine, "apart"))
    body = json.loads(yml.read_text())
    login = url.set(username="d_login", password="x").render_as_string(hide_password=False)
    body["warehouse"] |= {"url": login, "role": "d_reader", "results": {"role": "d_writer"}}
    body["monitors"][0] |= {"precision": "exact"}
    yml.write_text(json.dumps(body))
    roles = ("d_login", "d_reader", "d_writer")
    with open_warehouse(engine.url) as admin:
        for sql in (
            "REVOKE ALL ON DATABASE postgres FROM PUBLIC", "GRANT CONNECT ON DATABASE postgres TO PUBLIC",
            "CREATE ROLE d_login LOGIN NOINHERIT PASSWORD 'x'", "CREATE ROLE d_reader", "CREATE ROLE d_writer",
        ):  # fmt: skip
            admin.execute(sql, name="test")
        given = api.grants(str(yml))
        assert given.apart and not given.results
        for sql in (*given.source, *given.apart):
            admin.execute(sql, name="grant")
    try:
        done = verbs_run.run(str(yml))
        assert not done.failed, [m.failed for m in done.failed]
        assert len(done.monitors[0].windows) == DAYS - BASE - 1 and done.monitors[0].refined_rows > 0
        assert api.status(str(yml)).rows[0]["last_run_state"] == "finished"
        assert not verbs_run.run(str(yml)).failed, "a second run finds the first one's results"
        assert api.vacuum(str(yml)) is not None
        with open_warehouse(engine.url) as admin:
            owned = admin.fetch("SELECT DISTINCT tableowner AS o FROM pg_tables WHERE schemaname = 'res_apart'", name="test")
            assert owned == [{"o": "d_writer"}]
        for roles_of, forbidden in (
            (("d_reader", "d_reader"), "INSERT INTO apart SELECT * FROM apart"),
            (("d_reader", "d_reader"), "DELETE FROM res_apart.wd_units"),
            (("d_reader", "d_reader"), "CREATE TABLE res_apart.x (a INTEGER)"),
            (("d_writer", "d_writer"), "CREATE TABLE res_apart.x AS SELECT * FROM apart"),
            ((None, None), "CREATE TABLE res_apart.x AS SELECT * FROM apart"),
        ):
            with open_warehouse(login, roles=roles_of) as wh, pytest.raises(QueryError, match="permission denied"):
                wh.execute(forbidden, name="test")
    finally:
        with open_warehouse(engine.url) as admin:
            for sql in (*(f"DROP OWNED BY {r} CASCADE" for r in roles), "DROP SCHEMA IF EXISTS res_apart CASCADE", *(f"DROP ROLE {r}" for r in roles)):
                admin.execute(sql, name="test")


def test_commands_that_only_read_have_a_read_only_session(engines: Callable[[str], Engine]) -> None:
    engine = engines("postgres")
    with open_warehouse(engine.url, read_only=True, scratch=False) as wh:
        assert wh.fetch("SELECT 1 AS a", name="test") == [{"a": 1}]
        for sql in ("CREATE TABLE never (a INTEGER)", "CREATE TEMP TABLE never AS SELECT 1 AS a"):
            with pytest.raises(QueryError, match="read-only transaction"):
                wh.execute(sql, name="test")


def test_roles_where_a_session_has_none() -> None:
    with pytest.raises(DialectError, match="cannot change its role"):
        open_warehouse("duckdb:///:memory:", roles=("a", "b"))


@pytest.mark.slow
def test_postgres_views_with_other_columns_are_made_anew_with_their_rights(engines: Callable[[str], Engine]) -> None:
    """An older schema, whose views had other columns: this engine replaces a view only by one that has the same."""
    with open_warehouse(engines("postgres").url) as wh:
        for sql in ("DROP SCHEMA IF EXISTS old CASCADE", "DROP ROLE IF EXISTS dashboards", 'CREATE ROLE "dashboards"'):
            wh.execute(sql, name="test")
        migrate.create_all(wh, "old")
        event = {"run_id": "r", "project": "p", "monitor": "Shop", "event": "started", "event_at": read.now(wh)}
        write.insert_rows(wh, "old", "wd_run_events", [event])
        migrate.migrate(wh, "old")
        columns = "SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = 'old' ORDER BY 1, 2, 3"
        wanted = wh.fetch(columns, name="test")
        assert {"shop_drift_metrics", "drift_alerts"} <= {r["table_name"] for r in wanted}
        for sql in (
            "DROP VIEW old.wd_v_runs CASCADE", "DROP VIEW IF EXISTS old.drift_history CASCADE",
            "CREATE VIEW old.wd_v_runs AS SELECT 1 AS other, run_id FROM old.wd_run_events",
            "CREATE VIEW old.drift_history AS SELECT run_id, 1 AS value FROM old.wd_results",
            "CREATE VIEW old.shop_drift_metrics AS SELECT * FROM old.drift_history", "GRANT USAGE ON SCHEMA old TO dashboards",
            "GRANT SELECT ON old.drift_history, old.shop_drift_metrics TO dashboards", "GRANT SELECT ON old.drift_history TO PUBLIC",
            "CREATE VIEW public.mine AS SELECT * FROM old.drift_history",
        ):  # fmt: skip
            wh.execute(sql, name="test")
        before = wh.fetch(columns, name="test")
        with pytest.raises(SchemaVersionError, match=r"view mine depends on view old\.drift_history\. Drop those"):
            migrate.migrate(wh, "old")
        assert wh.fetch(columns, name="test") == before != wanted
        wh.execute("DROP VIEW public.mine", name="test")
        migrate.migrate(wh, "old")
        assert wh.fetch(columns, name="test") == wanted
        rights = "SELECT grantee, table_name FROM information_schema.table_privileges WHERE table_schema = 'old' AND grantee <> grantor ORDER BY 1, 2"
        assert [tuple(r.values()) for r in wh.fetch(rights, name="test")] == [
            ("PUBLIC", "drift_history"), ("dashboards", "drift_history"), ("dashboards", "shop_drift_metrics"),
        ]  # fmt: skip
        wh.execute("CREATE ROLE narrow", name="test")
        asks = {"schema_name": "old", "views": ["drift_history"]}
        wh.execute("SET ROLE narrow", name="test")  # who reads may be another role than the one that gave the rights
        found = wh.fetch(render("results/view_rights", asks, wh.dialect).sql, name="test")
        wh.execute("RESET ROLE", name="test")
        assert [(r["grantee"], r["privilege"], r["grantable"]) for r in found] == [("PUBLIC", "SELECT", "NO"), ("dashboards", "SELECT", "NO")]
        comment = "SELECT obj_description('old.drift_alerts'::regclass) AS said"
        assert "Incidents" in wh.fetch(comment, name="test")[0]["said"]
        for sql in ("DROP SCHEMA old CASCADE", "DROP ROLE dashboards", "DROP ROLE narrow"):
            wh.execute(sql, name="test")
