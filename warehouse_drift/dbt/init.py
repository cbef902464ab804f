"""``dbt init``: sources, tests, an exposure and the job's line for an existing dbt project. Connects to nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from warehouse_drift.config.load import load_config
from warehouse_drift.config.model import Config
from warehouse_drift.dbt.project import Project, Written, dbt_text, open_project, write_files
from warehouse_drift.errors import UsageError
from warehouse_drift.results.views import DROP_IN, PUBLIC

JOB = "dbt build && warehouse-drift run --fail-on never && dbt test --select source:drift"
FOLDER = "warehouse_drift"
_FRESH = {"drift_history": "decided_at", "run_history": "started_at"}
"""View -> the column (UTC) by which dbt sees how old it is."""


@dataclass(frozen=True, slots=True)
class DbtInit:
    """``job``: the shell line of the daily job."""

    files: tuple[Written, ...]
    job: str


def dbt_init(
    project_dir: str = ".", *, config: str | None = None, schema: str | None = None, force: bool = False
) -> DbtInit:
    """Adds the drift views to a dbt project as a source, with tests, an exposure and a README.

    Args:
        config: a drift.yml, whose monitors get a test each; default: drift.yml in the project's folder, if it is there.
        schema: where the views are; default: the configuration's ``result_schema``, else ``drift``.
        force: replace files that a person changed.

    Raises:
        DriftError: with one sentence, for anything a user can cause; then nothing is written.
    """
    project = open_project(project_dir)
    if config is not None and not Path(config).is_file():
        raise UsageError(f"There is no configuration {config}.", hint="Run: warehouse-drift init, or leave --config away.")
    place = Path(config) if config else project.folder / "drift.yml"
    known = load_config(place) if place.is_file() else None
    where = schema or (known.warehouse.result_schema if known else "drift")
    return DbtInit(write_files(project, files(project, known, where), force=force), JOB)


def files(project: Project, config: Config | None, schema: str) -> dict[str, str]:
    """Path in the project -> text of every file."""
    models, tests, macros = (f"{p}/{FOLDER}" for p in (project.models, project.tests + "/generic", project.macros))
    return {
        f"{models}/sources.yml": _yaml(_sources(config, schema)),
        f"{models}/exposures.yml": _yaml(_exposures(project, config)),
        f"{models}/README.md": _readme(),
        f"{tests}/no_drift_alerts.sql": dbt_text("no_drift_alerts.sql"),
        f"{tests}/drift_within.sql": dbt_text("drift_within.sql"),
        f"{macros}/warehouse_drift.sql": dbt_text("warehouse_drift.sql"),
    }


def _sources(config: Config | None, schema: str) -> dict[str, Any]:
    tables: list[dict[str, Any]] = []
    for view in (v for v in PUBLIC if v not in DROP_IN):
        table: dict[str, Any] = {"name": view.name, "description": view.doc}
        if view.name in _FRESH:
            table["config"] = {
                "loaded_at_field": _FRESH[view.name],
                "freshness": {
                    "warn_after": {"count": 26, "period": "hour"},
                    "error_after": {"count": 50, "period": "hour"},
                },
            }
        table["columns"] = [{"name": name, "description": doc} for name, doc in view.columns]
        if view.name == "drift_alerts":
            table["data_tests"] = _alert_tests([m.name for m in config.monitors] if config else [])
        tables.append(table)
    source = {
        "name": "drift",
        "schema": schema,
        "description": "Results of warehouse-drift. Times are UTC without a zone, window_date is a local date.",
        "tables": tables,
    }
    return {"version": 2, "sources": [source]}


def _alert_tests(monitors: Sequence[str]) -> list[Any]:
    """A test for all monitors, or one for each that is known (which also fails when the monitor has no results)."""
    return [{"no_drift_alerts": {"arguments": {"monitor": m}}} for m in monitors] or ["no_drift_alerts"]


def _exposures(project: Project, config: Config | None) -> dict[str, Any]:
    owners = [m.owner for m in config.monitors if m.owner] if config else []
    exposure = {
        "name": "drift_report",
        "label": "Drift report",
        "type": "dashboard",
        "maturity": "medium",
        "description": "Who looks at drift: the report (warehouse-drift report --format html) and dashboards on the drift views. "
        "Write its address and its readers here.",
        "owner": {"name": owners[0] if owners else f"{project.name} team"},
        "depends_on": [f"source('drift', '{v}')" for v in ("drift_latest", "drift_alerts", "monitor_status")],
    }
    return {"version": 2, "exposures": [exposure]}


def _yaml(value: Any) -> str:
    import yaml

    return str(yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=120))


def _readme() -> str:
    return _README.replace("{job}", JOB)


_README = """# Drift results in this project

The daily job is one line (it ends with dbt's exit code 1 when drift is over a limit):

    {job}

- `dbt build` makes the tables. The drift tests look at nothing in it, since the results in the warehouse are still yesterday's.
- `warehouse-drift run --fail-on never` measures what is new. Exit code 2 means that it could not finish.
- `dbt test --select source:drift` fails on what it found, with a sentence for each (`DRIFT monitor ...`) in the log.
- `dbt source freshness --select source:drift` fails when no run has happened for two days.

## Retries

Retry the first two commands: their failures can be a network's. Never retry the third: an alert stays until the data changes, and a
retry only delays the message. As one shell script, with three tries:

    again() { for i in 1 2 3; do "$@" && return; sleep 60; done; return 2; }
    again dbt build && again warehouse-drift run --fail-on never && dbt test --select source:drift

In Airflow: three tasks, `retries=2` on the first two and `retries=0` on the third. In dbt Cloud: a job of its own for the third.
`dbt retry` after it repeats the failed drift tests only; it finds the same alerts until `warehouse-drift run` has seen new data.

## Tests

On the source, or on the model or column that a monitor watches:

    models:
      - name: fraud_scored
        data_tests:
          - no_drift_alerts: {arguments: {monitor: fraud_scores}}
        columns:
          - name: amount
            data_tests:
              - drift_within:
                  arguments: {monitor: fraud_scores, statistic: psi, max_value: 0.2}
                  config: {severity: error, error_if: ">2", warn_if: ">0"}

`where`, `severity`, `warn_if` and `error_if` are dbt's own. `drift_within` without `max_value` follows the monitor's own limits.
A name without any result fails: a test that looks at nothing would pass for ever.

Files in this folder and in `warehouse_drift` under macros and tests are made by `warehouse-drift dbt init`. Run it again after an
update; files that you changed are kept.
"""
