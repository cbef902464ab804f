"""The built wheel carries its data folders and works in a clean environment, outside the checkout."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import duckdb
import pytest

from tests.packaging.conftest import Installed
from warehouse_drift.resources import dialect_folders, root, template_names

pytestmark = [pytest.mark.packaging, pytest.mark.slow, pytest.mark.xdist_group("wheel")]

CONFIG = """\
version: 1
project: shop
warehouse: {url: "duckdb:///shop.duckdb", result_schema: drift}
monitors:
  - name: orders
    relation: orders
    timestamp: at
    columns: [amount, country]
    baseline: {from: 2025-01-01, to: 2025-01-29}
    comparisons: [{name: daily, window: day, against: baseline}]
"""
DAYS = 32
"""28 of baseline, three that are judged (the last two are different), and one that is not over yet."""


def make_orders(file: Path) -> None:
    """2,000 orders a day; from day 29 on every amount is 50 larger."""
    with duckdb.connect(str(file)) as c:
        c.execute(
            "CREATE TABLE orders AS SELECT TIMESTAMP '2025-01-01' + INTERVAL 1 DAY * (range // 2000) + INTERVAL 40 SECOND * (range % 2000) AS at,"
            " (range * 7919) % 100 + CASE WHEN range // 2000 >= 29 THEN 50.0 ELSE 0.0 END AS amount, chr(65 + CAST(range % 3 AS INT)) AS country"
            f" FROM range(2000 * {DAYS})"
        )


def test_contents(wheel: Path) -> None:
    held = set(zipfile.ZipFile(wheel).namelist())
    for name in template_names():
        assert f"warehouse_drift/_resources/sql_templates/{name}.sql.j2" in held
    for name, folder in dialect_folders().items():
        for path in folder.rglob("*.*"):
            assert f"warehouse_drift/_resources/dialects/{name}/{path.relative_to(folder).as_posix()}" in held
    base = root() / "warehouse_drift"
    for path in base.rglob("*"):
        if path.suffix in (".py", ".toml", ".typed", ".j2", ".css", ".js"):
            assert f"warehouse_drift/{path.relative_to(base).as_posix()}" in held
    assert {"warehouse_drift/py.typed", "warehouse_drift/decisions/presets/psi_classic.toml"} <= held
    assert any(name.startswith("warehouse_drift/_resources/sql_templates/results/0001_") for name in held)
    tops = {name.split("/")[0] for name in held}
    assert {t for t in tops if not t.endswith(".dist-info")} == {"warehouse_drift"}
    parts = {part for name in held for part in name.split("/")}
    assert not [p for p in parts if p in ("tests", "conftest.py") or p.startswith("test_") or p.endswith(".pyc")]


def test_nothing_of_the_checkout_is_imported(installed: Installed, tmp_path: Path) -> None:
    code = (
        "import json, sys, warehouse_drift, warehouse_drift.verbs_run as v; from warehouse_drift.resources import root;"
        "print(json.dumps([warehouse_drift.__file__, str(root()), sys.path]))"
    )
    done = installed.call("python", "-c", code, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    module, data, path = json.loads(done.stdout)
    assert Path(module).is_relative_to(installed.folder) and Path(data).is_relative_to(installed.folder)
    assert not [p for p in path if Path(p or tmp_path).resolve().is_relative_to(root())]


def test_compare(installed: Installed, tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "x.duckdb")) as c:
        c.execute("CREATE TABLE r AS SELECT range * 1.0 AS a FROM range(1000)")
        c.execute("CREATE TABLE k AS SELECT range * 2.0 AS a FROM range(1000)")
    words = ("compare", "--url", "duckdb:///x.duckdb", "--reference", "r", "--current", "k")
    done = installed.call("warehouse-drift", *words, "--precision", "exact", "--format", "json", cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    rows = {r["statistic"]: r for r in json.loads(done.stdout)["rows"]}
    assert rows["ks"]["value"] == 0.5
    assert abs(rows["wasserstein"]["value"] - 499.5) < 1e-9
    assert rows["psi"]["decision"] == "alert"


def test_run(installed: Installed, tmp_path: Path) -> None:
    make_orders(tmp_path / "shop.duckdb")
    (tmp_path / "drift.yml").write_text(CONFIG, encoding="utf-8")
    done = installed.call("warehouse-drift", "run", "--json", cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    (monitor,) = json.loads(done.stdout)["monitors"]
    assert monitor["failed"] is None and monitor["undecided"] == 0
    alerts = {(a["window_start"][:10], a["column_name"], a["statistic"]) for a in monitor["alerts"]}
    assert alerts == {("2025-01-30", "amount", "psi"), ("2025-01-31", "amount", "psi")}
    with duckdb.connect(str(tmp_path / "shop.duckdb"), read_only=True) as c:
        found = c.execute(
            "SELECT CAST(window_date AS VARCHAR), decision FROM drift.drift_history WHERE column_name = 'amount' AND statistic = 'psi' ORDER BY 1"
        ).fetchall()
    # a day needs a second one to stand as an alert
    assert found == [("2025-01-29", "ok"), ("2025-01-30", "warn"), ("2025-01-31", "alert")]


def test_demo(installed: Installed, tmp_path: Path) -> None:
    done = installed.call("warehouse-drift", "demo", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (
        "336,776 flights" in done.stdout and "ALERT" in done.stdout and "Next: warehouse-drift explain" in done.stdout
    )
    with duckdb.connect(str(tmp_path / "flights_demo.duckdb"), read_only=True) as c:
        weeks, decided = c.execute(
            "SELECT COUNT(DISTINCT window_start), COUNT(*) FILTER (decision IN ('ok', 'warn', 'alert')) FROM drift.drift_history"
        ).fetchone() or (0, 0)
        assert weeks == 39 and decided > 1000
    why = installed.call("warehouse-drift", "explain", "flights", "dep_delay", "-c", "flights_demo.yml", cwd=tmp_path)
    assert why.returncode == 0 and "dep_delay" in why.stdout, why.stderr
