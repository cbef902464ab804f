"""``dbt generate``: what the models hold, and what is refused. Their numbers are compared with ``run``'s by real dbt in
``integration/test_dbt.py``."""

from __future__ import annotations

import json
import re
from pathlib import Path

import duckdb
import pytest
from jinja2 import Environment

from warehouse_drift import verbs_run
from warehouse_drift.dbt.generate import dbt_generate
from warehouse_drift.errors import UsageError

pytestmark = pytest.mark.slow
CONFIG = """\
version: 1
project: shop
warehouse: {url: "duckdb:///FOLDER/shop.duckdb"}
monitors:
  - name: Orders, all
    relation: ref('orders')
    timestamp: at
    where: "note <> '{{ x }}'"
    baseline: {from: 2025-01-01, to: 2025-01-11}
    comparisons: [{name: daily, window: day}]
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "dbt_project.yml").write_text("name: shop\n", encoding="utf-8")
    (tmp_path / "drift.yml").write_text(CONFIG.replace("FOLDER", str(tmp_path)), encoding="utf-8")
    (tmp_path / "target").mkdir()
    node = {"name": "orders", "resource_type": "model", "relation_name": '"shop"."main"."orders"'}
    (tmp_path / "target" / "manifest.json").write_text(json.dumps({"nodes": {"o": node}}), encoding="utf-8")
    with duckdb.connect(str(tmp_path / "shop.duckdb")) as c:
        c.execute(
            "CREATE TABLE orders AS SELECT TIMESTAMP '2025-01-01' + INTERVAL (i * 10) MINUTE AS at, i % 97 + 0.5 AS amount, 'k' || (i % 3) AS note"
            " FROM range(144 * 12) AS r(i)"
        )
    return tmp_path


def generated(project: Path, until: str = "2025-01-13") -> dict[str, str]:
    done = dbt_generate(str(project / "drift.yml"), "Orders, all", project_dir=str(project), until=until)
    return {Path(f.path).name: (project / f.path).read_text(encoding="utf-8") for f in done.files}


def compiled(text: str, incremental: bool) -> str:
    env = Environment()
    names = {"ref": lambda n: n, "this": "orders_all_drift_cells", "config": lambda **_: "", "is_incremental": lambda: incremental}
    return env.from_string(text).render(**names)


def test_the_models_run_and_equal_the_stored_results(project: Path) -> None:
    verbs_run.run(str(project / "drift.yml"))
    models = generated(project)
    assert set(models) == {"orders_all_drift_cells.sql", "orders_all_drift_metrics.sql"}
    cells = models["orders_all_drift_cells.sql"]
    assert "{{ ref('orders') }}" in cells and "{{ this }}" in cells and "is_incremental()" in cells
    with duckdb.connect(str(project / "shop.duckdb")) as c:
        c.execute(f"CREATE TABLE orders_all_drift_cells AS {compiled(cells, False)}")
        newer = c.execute(f"SELECT DISTINCT bucket_start FROM ({compiled(cells, True)}) ORDER BY 1").fetchall()
        assert [r[0].day for r in newer] == [9, 10, 11, 12]  # late: 3, and one more
        c.execute(f"CREATE TABLE metrics AS {compiled(models['orders_all_drift_metrics.sql'], False)}")
        both = c.execute(
            "SELECT m.value, h.value, m.decision FROM metrics AS m FULL JOIN (SELECT * FROM drift.drift_history WHERE column_name <> ':table') AS h"
            " ON m.statistic = h.statistic AND m.column_name = h.column_name AND m.window_start = h.window_start"
        ).fetchall()
    assert len(both) > 10 and all(m == pytest.approx(h, abs=1e-9) for m, h, _ in both)
    assert "ok" in {d for _, _, d in both}


def test_what_looks_like_jinja_is_kept_from_dbt(project: Path) -> None:
    verbs_run.run(str(project / "drift.yml"))
    cells = generated(project)["orders_all_drift_cells.sql"]
    assert "'{{ x }}'" not in cells and "'{{ x }}'" in compiled(cells, False)
    assert not re.search(r"wd_dbt_", compiled(cells, True))


def test_refusals(project: Path) -> None:
    with pytest.raises(UsageError, match="no published baseline"):
        generated(project)
    verbs_run.run(str(project / "drift.yml"))
    with pytest.raises(UsageError, match="too many for a model"):
        generated(project, "2045-01-01")
    with pytest.raises(UsageError, match="no whole window"):
        generated(project, "2025-01-11")
    (project / "target" / "manifest.json").write_text('{"nodes": {}}', encoding="utf-8")
    config = project / "drift.yml"
    config.write_text(config.read_text(encoding="utf-8").replace("ref('orders')", "main.orders"), encoding="utf-8")
    with pytest.raises(UsageError, match="no model or source of"):
        generated(project)
