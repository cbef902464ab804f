"""A real dbt project, with real dbt, on DuckDB and PostgreSQL: init, build, run, generate, test. Every dbt command is a
process that takes seconds, so one story a database is told once, and the tests look at what it left."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import sqlalchemy

from integration.engines import Unavailable, postgres
from integration.engines.emulators import environment
from warehouse_drift import verbs_run
from warehouse_drift.dbt.init import dbt_init
from warehouse_drift.verbs_dbt_generate import generate

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("dbt")]
PACKAGES = (
    "dbt-core==1.12.0",
    "dbt-core-experimental-parser==2.0.0a4",  # the newest that is a wheel; later ones fetch a program when installed
    "dbt-duckdb==1.11.1",
    "dbt-postgres==1.11.0",
)
CONFIG = """\
version: 1
project: demo
warehouse: {{dbt_profile: flights, target: {target}}}
dbt_monitors: true
"""
CELLS, METRICS = "flights_drift_cells", "flights_drift_metrics"


@dataclass(frozen=True)
class Story:
    """What each command said, and the database afterwards. ``schema``: where dbt puts the models."""

    schema: str
    built: subprocess.CompletedProcess[str]
    generated: subprocess.CompletedProcess[str]
    again: subprocess.CompletedProcess[str]
    tested: subprocess.CompletedProcess[str]
    first_cells: list[tuple[object, ...]]
    engine: sqlalchemy.Engine

    def rows(self, sql: str) -> list[tuple[object, ...]]:
        return rows(self.engine, sql)


def rows(engine: sqlalchemy.Engine, sql: str) -> list[tuple[object, ...]]:
    with engine.connect() as connection:
        return [tuple(r) for r in connection.exec_driver_sql(sql)]


@pytest.fixture(scope="module", params=["duckdb", "postgres"])
def story(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    try:
        home = environment("dbt", PACKAGES)
        server = postgres.start() if request.param == "postgres" else None
    except Unavailable as error:
        pytest.skip(f"dbt on {request.param}: {error}")
    try:
        told = _told(home, request.param, server.url if server else "", tmp_path_factory.mktemp("dbt"))
        yield told
        told.engine.dispose()
    finally:
        if server:
            server.close()


def _told(home: Path, target: str, url: str, folder: Path) -> Story:
    project = folder / "flights"
    shutil.copytree(Path(__file__).parent / "dbt", project, ignore=shutil.ignore_patterns("*.py", "target", "logs", "__pycache__"))
    env = {k: v for k, v in os.environ.items() if k != "PYTHONPATH" and not k.startswith("DBT_")}
    own = {"FLIGHTS_FILE": str(project / "flights.duckdb"), "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"}
    if url:
        parts = urlsplit(url)
        own |= {"FLIGHTS_PORT": str(parts.port), "FLIGHTS_USER": parts.username or "", "FLIGHTS_PASSWORD": parts.password or ""}
    schema, url = ("flights", url) if url else ("main", f"duckdb:///{project / 'flights.duckdb'}")

    def dbt(*words: str) -> subprocess.CompletedProcess[str]:
        command = [str(home / "bin" / "dbt"), "--no-version-check", "--no-use-colors", *words, "--target", target, "--threads", "1"]
        return subprocess.run(command, cwd=project, env=env | own, capture_output=True, text=True, timeout=300)

    with pytest.MonkeyPatch.context() as patch:
        for name, value in own.items():
            patch.setenv(name, value)
        dbt_init(str(project))
        built = dbt("build")
        assert built.returncode == 0, built.stdout[-3000:]
        config = project / "drift.yml"
        config.write_text(CONFIG.format(target=target), encoding="utf-8")
        (monitor,) = verbs_run.backfill(str(config), "2013-04-01", "2013-08-01").monitors
        assert not monitor.failed, monitor.failed
        generate(str(config), "flights", str(project), until="2013-08-01")
    generated = dbt("build", "--select", "path:seeds/drift", CELLS, METRICS)
    engine = sqlalchemy.create_engine(url)
    counted = f"SELECT bucket_start, column_name, SUM(n) FROM {schema}.{CELLS} GROUP BY 1, 2 ORDER BY 1, 2"
    first = rows(engine, counted) if generated.returncode == 0 else []
    engine.dispose()
    again = dbt("build", "--select", "path:seeds/drift", CELLS, METRICS)
    return Story(schema, built, generated, again, dbt("test", "--select", "source:drift"), first, engine)


def test_in_a_build_the_drift_tests_look_at_nothing(story: Story) -> None:
    assert "PASS source_no_drift_alerts" in story.built.stdout  # the views were not there yet


def test_a_failing_drift_test_fails_the_job_and_says_why(story: Story) -> None:
    said = story.tested.stdout
    assert story.tested.returncode == 1, said[-3000:]
    assert "DRIFT monitor flights, comparison monthly, column dep_delay, statistic psi, since 2013-06-01" in said
    assert "limit 0.05" in said
    alert = next(line for line in said.splitlines() if "DRIFT" in line and "column air_time" in line)
    assert "statistic jensen_shannon, since 2013-05-01" in alert and "limit 0.14" in alert
    assert "PASS=1" in said.splitlines()[-1] and "ERROR=2" in said.splitlines()[-1]


def test_the_generated_models_have_the_numbers_of_run(story: Story) -> None:
    assert story.generated.returncode == 0, story.generated.stdout[-3000:]
    key = "a.comparison = b.comparison AND a.window_start = b.window_start AND a.segment = b.segment AND a.column_name = b.column_name AND a.statistic = b.statistic"
    found = story.rows(
        f"SELECT a.statistic, b.statistic, a.value, b.value, a.value_lower, b.value_lower, a.value_upper, b.value_upper, a.n_reference, b.n_reference,"
        f" a.n_current, b.n_current FROM {story.schema}.{METRICS} AS a"
        f" FULL JOIN drift.drift_history AS b ON {key}"
    )
    assert len(found) == 480
    assert {"psi", "ks", "wasserstein", "jensen_shannon", "missing_rate", "unseen_rate"} <= {r[0] for r in found}
    for mine, theirs, *pairs in found:
        assert mine == theirs
        for a, b in zip(pairs[::2], pairs[1::2], strict=True):
            assert a == b if a is None or b is None else float(a) == pytest.approx(float(b), rel=1e-9, abs=1e-9)  # type: ignore[arg-type]


def test_limits_are_applied_to_the_size(story: Story) -> None:
    found = story.rows(
        f"SELECT window_date, value, warn_threshold, alert_threshold, decision FROM {story.schema}.{METRICS}"
        " WHERE column_name = 'air_time' AND statistic = 'jensen_shannon' AND segment = 'all' ORDER BY 1"
    )
    assert [(r[2], r[3]) for r in found] == [(0.1, 0.14)] * 3
    assert [r[4] for r in found] == ["alert" if float(r[1]) >= 0.14 else "warn" if float(r[1]) >= 0.1 else "ok" for r in found]  # type: ignore[arg-type]
    assert "alert" in {r[4] for r in found}


def test_an_incremental_run_reads_the_newest_buckets_again_and_changes_nothing(story: Story) -> None:
    assert story.again.returncode == 0, story.again.stdout[-3000:]
    counted = f"SELECT bucket_start, column_name, SUM(n) FROM {story.schema}.{CELLS} GROUP BY 1, 2 ORDER BY 1, 2"
    assert story.rows(counted) == story.first_cells
    own = f"SELECT SUM(n), MIN(bucket_start), MAX(bucket_start) FROM {story.schema}.{CELLS} WHERE column_name = ':table' AND segment_kind = 'all'"
    total, first, last = story.rows(own)[0]
    inside = "scheduled_at >= TIMESTAMP '2013-04-01' AND scheduled_at < (SELECT CAST(MAX(CAST(scheduled_at AS DATE)) AS TIMESTAMP) FROM {0}.flights)"
    assert int(total) == story.rows(f"SELECT COUNT(*) FROM {story.schema}.flights WHERE {inside.format(story.schema)}")[0][0]  # type: ignore[call-overload]
    assert str(first) == "2013-04-01 04:00:00" and str(last) == "2013-07-30 04:00:00"
