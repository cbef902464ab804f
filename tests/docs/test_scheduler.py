"""The files to copy for schedulers: they parse, name commands that exist, and treat exit codes as the docs say."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import yaml

from warehouse_drift.config.load import load_config
from warehouse_drift.reports.reference import commands
from warehouse_drift.resources import root

FOLDER = root() / "docs" / "how-to" / "scheduler"


def options(words: list[str]) -> set[str]:
    return {w for w in words if w.startswith("-")} - {o for p in commands()[words[0]].params for o in (*p.opts, *p.secondary_opts)}


def test_the_dockerfile_ends_in_a_command_that_exists() -> None:
    text = re.sub(r"\\\n", " ", "\n".join(x for x in (FOLDER / "Dockerfile").read_text().splitlines() if not x.startswith("#")))
    steps = [line.split(None, 1) for line in text.splitlines() if line.strip()]
    assert [s[0] for s in steps] == ["FROM", "RUN", "WORKDIR", "COPY", "USER", "ENTRYPOINT", "CMD"]
    assert json.loads(steps[-2][1]) == ["warehouse-drift"] and options(json.loads(steps[-1][1])) == set()
    extras = re.search(r"warehouse-drift\[([a-z,]+)\]", text)
    assert extras and all(re.search(rf"^{e} = \[", (root() / "pyproject.toml").read_text(), re.M) for e in extras[1].split(","))


def test_the_cron_job_ends_at_drift_and_retries_failures() -> None:
    job = yaml.safe_load((FOLDER / "cronjob.yaml").read_text())
    assert (job["apiVersion"], job["kind"]) == ("batch/v1", "CronJob") and len(job["spec"]["schedule"].split()) == 5
    inner = job["spec"]["jobTemplate"]["spec"]
    pod = inner["template"]["spec"]
    (container,) = pod["containers"]
    assert options(container["args"]) == set() and pod["restartPolicy"] == "Never", "podFailurePolicy asks for Never"
    (rule,) = inner["podFailurePolicy"]["rules"]
    assert rule["action"] == "FailJob" and rule["onExitCodes"] == {"containerName": container["name"], "operator": "In", "values": [1]}
    assert {m["name"] for m in container["volumeMounts"]} == {v["name"] for v in pod["volumes"]} and inner["backoffLimit"] > 0


@pytest.fixture
def task(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The arguments of the DAG's one operator, with stand-ins for Airflow."""
    made: list[SimpleNamespace] = []

    class Dag:
        def __init__(self, **given: Any) -> None:
            assert {"dag_id", "schedule", "start_date", "catchup"} <= set(given)

        def __enter__(self) -> None: ...

        def __exit__(self, *_: object) -> None: ...

    names = ["airflow", "airflow.providers", "airflow.providers.standard", "airflow.providers.standard.operators", "airflow.providers.standard.operators.bash"]
    modules = {n: ModuleType(n) for n in names}
    modules[names[0]].DAG = Dag  # type: ignore[attr-defined]
    modules[names[-1]].BashOperator = lambda **given: made.append(SimpleNamespace(**given))  # type: ignore[attr-defined]
    for n, module in modules.items():
        monkeypatch.setitem(sys.modules, n, module)
    exec(compile((FOLDER / "airflow_dag.py").read_text(), "airflow_dag.py", "exec"), {"__name__": "dag"})
    (one,) = made
    return one


@pytest.mark.parametrize(("code", "ends"), [(0, 0), (1, 99), (2, 2), (137, 137)])
def test_airflow_skips_at_drift_and_fails_otherwise(task: SimpleNamespace, tmp_path: Path, code: int, ends: int) -> None:
    fake = tmp_path / "warehouse-drift"
    fake.write_text(f'#!/bin/sh\n[ "$*" = "run --quiet -c /opt/drift/drift.yml" ] || exit 55\nexit {code}\n')
    fake.chmod(0o755)
    env = {**task.env, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    assert subprocess.run(["bash", "-c", task.bash_command], env=env, timeout=20).returncode == ends
    assert task.skip_on_exit_code == 99 and task.append_env and task.retries > 0


def test_the_alerts_that_the_page_shows_load(tmp_path: Path) -> None:
    page = (root() / "docs" / "how-to" / "alerts.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^```yml\n(alerts:.*?)^```$", page, re.M | re.S)
    head = 'version: 1\nproject: p\nwarehouse: {url: "duckdb:///x.duckdb"}\nmonitors: [{name: m, relation: r, baseline: {relation: r}}]\n'
    (tmp_path / "drift.yml").write_text(head + block)
    env = {n: f"https://example.org/{n}" for n in set(re.findall(r"\$\{(\w+)\}", block))}
    alerts = load_config(tmp_path / "drift.yml", env).alerts
    assert len(alerts.senders) == len(alerts.routes) == 3 and alerts.quiet_hours is not None
