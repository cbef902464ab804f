"""What a person sees when a warehouse cannot be reached: exit 2, one sentence, no secret, no traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from integration.engines import Engine
from integration.engines.emulators import free_port

SECRET = "hunter2-is-secret"


def compare(url: str, *more: str, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    env = dict(os.environ) | ({"PYTHONPATH": f"{path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"} if path else {})
    command = [sys.executable, "-m", "warehouse_drift", "compare", "--url", url, "--reference", "r", "--current", "c"]
    return subprocess.run([*command, *more], capture_output=True, text=True, check=False, timeout=120, env=env)


def refused(done: subprocess.CompletedProcess[str], *words: str) -> None:
    shown = done.stdout + done.stderr
    assert done.returncode == 2, shown
    assert SECRET not in shown and "Traceback" not in shown
    assert all(w.lower() in done.stderr.lower() for w in words), done.stderr
    assert len([line for line in done.stderr.splitlines() if line.strip()]) <= 3, done.stderr


@pytest.fixture
def postgres(engines: Callable[[str], Engine]) -> Engine:
    return engines("postgres")


pytestmark = pytest.mark.xdist_group("postgres")


def test_a_wrong_password(postgres: Engine) -> None:
    url = make_url(postgres.url).set(password=SECRET)
    refused(compare(url.render_as_string(hide_password=False)), "password authentication failed")


def test_no_such_database(postgres: Engine) -> None:
    url = make_url(postgres.url).set(database="nowhere")
    refused(compare(url.render_as_string(hide_password=False)), "nowhere")


@pytest.mark.parametrize("scheme", ["postgresql", "clickhousedb"])
def test_nobody_listens(scheme: str) -> None:
    refused(compare(f"{scheme}://u:{SECRET}@127.0.0.1:{free_port()}/db"), "127.0.0.1")


@pytest.mark.parametrize(
    ("url", "module", "extra"),
    [
        (f"postgresql://u:{SECRET}@127.0.0.1:1/db", "psycopg2", "postgres"),
        (f"clickhousedb://u:{SECRET}@127.0.0.1:1/db", "clickhouse_connect", "clickhouse"),
        (f"snowflake://u:{SECRET}@account/db/schema", "snowflake", "snowflake"),
        ("bigquery://project/data", "sqlalchemy_bigquery", "bigquery"),
        ("spark:///?master=local[1]", "pyspark", "spark"),
        (f"trino://u:{SECRET}@127.0.0.1:1/db", "trino", "trino"),
    ],
)
def test_a_missing_driver(url: str, module: str, extra: str, tmp_path: Path) -> None:
    """The sentence names the extra to install. A module that cannot be imported stands in for one that is not there."""
    (tmp_path / f"{module}.py").write_text(
        f"raise ModuleNotFoundError(\"No module named '{module}'\", name='{module}')\n"
    )
    refused(compare(url, path=tmp_path), f"warehouse-drift[{extra}]")


def test_a_missing_privilege(postgres: Engine) -> None:
    """A reader without the right to a table."""
    import psycopg2

    postgres.load({"private_table": {"x": [1.0, 2.0]}})
    url = make_url(postgres.url)
    with psycopg2.connect(postgres.url) as connection, connection.cursor() as cursor:
        cursor.execute("DROP ROLE IF EXISTS reader")
        cursor.execute(f"CREATE ROLE reader LOGIN PASSWORD '{SECRET}'")
    connection.close()
    reader = url.set(username="reader", password=SECRET).render_as_string(hide_password=False)
    done = compare(reader, "--reference", "private_table", "--current", "private_table")
    refused(done, "permission denied", "private_table")
