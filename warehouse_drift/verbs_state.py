"""The verbs about stored state: migrate, status, vacuum, grants, ddl. They wire the stages and hold no logic."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from warehouse_drift.results.grants import Grants
from warehouse_drift.results.vacuum import Retention, Vacuumed

if TYPE_CHECKING:
    from warehouse_drift.config.model import Config
    from warehouse_drift.warehouse.execute import Warehouse

Path = str | os.PathLike[str]


@dataclass(frozen=True, slots=True)
class MigrateResult:
    """``applied``: names of the migrations that were due; the views are made anew either way."""

    schema: str
    version: int
    applied: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StatusResult:
    """``rows``: one a monitor, with the columns of ``monitor_status`` and ``configured``; a monitor that never ran has
    a row too: stale, decision none."""

    rows: tuple[dict[str, Any], ...]

    @property
    def decisions(self) -> tuple[str, ...]:
        """One a configured monitor, as exit codes count: without any decision it is an alert."""
        found = (str(r["decision"]) for r in self.rows if r["configured"])
        return tuple("alert" if d == "none" else d for d in found)

    @property
    def undecided(self) -> int:
        return sum(int(r["none_count"]) for r in self.rows if r["configured"])


def _open(config: Config, *, read_only: bool = False) -> Warehouse:
    from warehouse_drift.warehouse.connect import open_warehouse

    return open_warehouse(
        config.url, read_only=read_only, existing=True, result_schema=config.warehouse.result_schema, roles=config.roles,
        scratch=False,
    )


def migrate(path: Path = "drift.yml", *, target: str | None = None) -> MigrateResult:
    """Makes the result schema, or brings it to this package's version, and makes its views anew.

    Raises:
        ConfigError: with all mistakes of the file at once.
        SchemaVersionError: when a newer package has migrated the schema.
    """
    from warehouse_drift.config.load import load_config
    from warehouse_drift.results import migrate as stage

    config = load_config(path, target=target)
    schema = config.warehouse.result_schema
    with _open(config) as warehouse:
        applied = stage.migrate(warehouse, schema)
    return MigrateResult(schema, stage.current_version(), applied)


def status(path: Path = "drift.yml", *, target: str | None = None) -> StatusResult:
    """How every monitor stands, from published results alone: nothing is scanned and nothing written.

    Raises:
        SchemaVersionError: when there are no result tables yet, or of another version.
    """
    from warehouse_drift.config.load import load_config
    from warehouse_drift.results import migrate as stage
    from warehouse_drift.results import read
    from warehouse_drift.results.views import BY_NAME

    config = load_config(path, target=target)
    schema = config.warehouse.result_schema
    with _open(config, read_only=True) as warehouse:
        stage.check_version(warehouse, schema)
        stored = {r["monitor"]: r for r in read.status(warehouse, schema, config.project)}
    never = {
        name: 0 if name.endswith(("_count", "comparisons", "incidents", "_columns")) else None
        for name in BY_NAME["monitor_status"].names
    }
    rows = []
    for monitor in config.monitors:
        known = stored.pop(monitor.name, None)
        new = {**never, "project": config.project, "monitor": monitor.name, "stale": True, "decision": "none"}
        rows.append({**(known or new), "configured": True})
    rows += [{**r, "configured": False} for r in stored.values()]
    return StatusResult(tuple(rows))


def vacuum(path: Path = "drift.yml", *, target: str | None = None, dry_run: bool = False) -> Vacuumed:
    """Marks dead runs, then deletes what no view shows and what is older than ``retention``; ``dry_run`` only counts.

    Only rows of the configuration's project. Rows of a run that is alive are never touched.
    """
    from warehouse_drift.config.load import load_config
    from warehouse_drift.results import migrate as stage
    from warehouse_drift.results import read
    from warehouse_drift.results.vacuum import vacuum as clean

    config = load_config(path, target=target)
    schema, kept = config.warehouse.result_schema, config.retention
    with _open(config, read_only=dry_run) as warehouse:
        stage.check_version(warehouse, schema)
        return clean(
            warehouse,
            schema,
            now=read.now(warehouse),
            project=config.project,
            retention=Retention(kept.cells, kept.bins, kept.history),
            dry_run=dry_run,
        )


def grants(path: Path = "drift.yml", *, role: str = "", target: str | None = None) -> Grants:
    """The minimal rights of the role that runs the monitors; ``role`` defaults to the URL's user. Connects to nothing.

    Raises:
        DialectError: where a dialect does not say how rights are given.
    """
    from sqlalchemy.engine import make_url

    from warehouse_drift.config.load import load_config
    from warehouse_drift.results.grants import grants as written
    from warehouse_drift.sql.dialect import dialect_for_url

    config = load_config(path, target=target)
    url = make_url(config.url)
    relations = [r for m in config.monitors for r in (m.relation, m.query, m.baseline.relation, m.baseline.query) if r]
    login = role or url.username or "warehouse_drift"
    reads, writes = config.roles
    return written(
        relations, dialect_for_url(config.url), config.warehouse.result_schema, reads or login, url.database,
        writer=writes or "", login=login,
    )  # fmt: skip


def ddl(dialect: str, schema: str = "drift") -> str:
    """The result tables and views as a script for a DBA, in the dialect of that name. Connects to nothing."""
    from warehouse_drift.results.migrate import ddl as script
    from warehouse_drift.sql.dialect import load_dialect

    return script(load_dialect(dialect), schema)


def vacuum_rows(done: Vacuumed) -> list[Mapping[str, Any]]:
    """(table, why, rows) of what was or would be deleted, without the zeros."""
    found = [(t, "replaced, or of a dead run", n) for t, n in done.unseen.items()]
    found += [(t, "past retention", n) for t, n in done.expired.items()]
    return [{"table": t, "why": why, "rows": n} for t, why, n in found if n]
