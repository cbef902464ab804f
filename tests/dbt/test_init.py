"""``dbt init``: what it adds to a project, that it can be repeated, and that a person's changes stay."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from warehouse_drift.cli import app
from warehouse_drift.dbt.init import JOB, dbt_init
from warehouse_drift.errors import ConfigError, UsageError
from warehouse_drift.results.views import BY_NAME

CONFIG = """\
version: 1
project: shop
warehouse: {url: "duckdb:///shop.duckdb", result_schema: watched}
monitors:
  - {name: orders, relation: orders, owner: "@shop", timestamp: at, baseline: {from: 2025-01-01, to: 2025-02-01}}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "dbt_project.yml").write_text("name: shop\nmodel-paths: [sql]\n", encoding="utf-8")
    return tmp_path


def sources(project: Path) -> dict[str, object]:
    text = (project / "sql" / "warehouse_drift" / "sources.yml").read_text(encoding="utf-8")
    (found,) = yaml.safe_load(text)["sources"]
    return dict(found)


def test_the_sources_are_the_public_views_with_our_own_descriptions(project: Path) -> None:
    dbt_init(str(project))
    tables = {t["name"]: t for t in sources(project)["tables"]}  # type: ignore[attr-defined]
    assert set(tables) == {
        "drift_history", "drift_latest", "drift_alerts", "monitor_status", "drift_bins", "drift_series", "profile_history", "run_history",
    }  # fmt: skip
    for name, table in tables.items():
        assert [(c["name"], c["description"]) for c in table["columns"]] == list(BY_NAME[name].columns)
    assert tables["drift_alerts"]["data_tests"] == ["no_drift_alerts"]
    assert tables["run_history"]["config"]["loaded_at_field"] in BY_NAME["run_history"].names


def test_a_configuration_gives_the_schema_and_a_test_for_each_monitor(project: Path) -> None:
    (project / "drift.yml").write_text(CONFIG, encoding="utf-8")
    dbt_init(str(project))
    assert sources(project)["schema"] == "watched"
    (alerts,) = [t for t in sources(project)["tables"] if t["name"] == "drift_alerts"]  # type: ignore[attr-defined]
    assert alerts["data_tests"] == [{"no_drift_alerts": {"arguments": {"monitor": "orders"}}}]
    assert "@shop" in (project / "sql" / "warehouse_drift" / "exposures.yml").read_text(encoding="utf-8")


def test_it_can_be_repeated_and_keeps_what_a_person_changed(project: Path) -> None:
    assert {f.state for f in dbt_init(str(project)).files} == {"written"}
    assert {f.state for f in dbt_init(str(project)).files} == {"unchanged"}
    changed = project / "sql" / "warehouse_drift" / "sources.yml"
    changed.write_text(changed.read_text(encoding="utf-8") + "# mine\n", encoding="utf-8")
    states = {f.path: f.state for f in dbt_init(str(project), schema="other").files}
    assert states["sql/warehouse_drift/sources.yml"] == "kept" and "# mine" in changed.read_text(encoding="utf-8")
    assert sources(project)["schema"] == "drift"
    states = {f.path: f.state for f in dbt_init(str(project), schema="other", force=True).files}
    assert states["sql/warehouse_drift/sources.yml"] == "replaced" and sources(project)["schema"] == "other"
    # one that is as we left it is replaced without a word
    states = {f.path: f.state for f in dbt_init(str(project), schema="third").files}
    assert states["sql/warehouse_drift/sources.yml"] == "replaced" and sources(project)["schema"] == "third"


def test_the_command_prints_the_job_and_what_it_kept(project: Path) -> None:
    (project / "sql" / "warehouse_drift").mkdir(parents=True)
    (project / "sql" / "warehouse_drift" / "README.md").write_text("mine\n", encoding="utf-8")
    done = CliRunner().invoke(app, ["dbt", "init", "--project-dir", str(project)])
    assert done.exit_code == 0, done.output
    assert JOB in done.output and "kept" in done.output and "--force" in done.output
    assert (project / "sql" / "warehouse_drift" / "README.md").read_text(encoding="utf-8") == "mine\n"


@pytest.mark.parametrize(
    "name, text, said",
    [
        ("other.yml", "name: x", "no dbt_project.yml"),
        ("dbt_project.yml", "a: [", "cannot be read as YAML"),
        ("dbt_project.yml", "version: 1", "has no name"),
    ],
)
def test_what_is_no_project_is_said(tmp_path: Path, name: str, text: str, said: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=said):
        dbt_init(str(tmp_path))
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_a_wrong_configuration_writes_nothing(project: Path) -> None:
    (project / "drift.yml").write_text(CONFIG.replace("baseline", "basline"), encoding="utf-8")
    with pytest.raises(ConfigError, match="basline"):
        dbt_init(str(project))
    assert not (project / "sql").exists()
    with pytest.raises(UsageError, match="no configuration"):
        dbt_init(str(project), config=str(project / "none.yml"))
