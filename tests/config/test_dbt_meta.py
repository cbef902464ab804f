"""Monitors declared in dbt: what a node's and its columns' meta become, and how mistakes are said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from warehouse_drift.config.load import load_config
from warehouse_drift.config.resolved import Kind, Role
from warehouse_drift.errors import ConfigError

DRIFT = {"timestamp": "at", "baseline": {"from": "2025-01-01", "to": "2025-02-01"}, "tags": ["own"]}


def node(drift: Any = DRIFT, columns: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return {
        "name": "orders", "resource_type": "model", "package_name": "shop", "relation_name": '"db"."ml"."orders"', "tags": ["tier1"],
        "original_file_path": "models/orders.sql", "meta": {}, "config": {"meta": {"drift": drift}},
        "columns": {n: {"name": n, **c} for n, c in (columns or {}).items()},
    } | more  # fmt: skip


def loaded(folder: Path, *nodes: dict[str, Any], sources: tuple[dict[str, Any], ...] = (), monitors: str = ""):  # type: ignore[no-untyped-def]
    (folder / "target").mkdir(exist_ok=True)
    manifest = {"nodes": {f"n{i}": n for i, n in enumerate(nodes)}, "sources": {f"s{i}": n for i, n in enumerate(sources)}}
    (folder / "target" / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    file = folder / "drift.yml"
    file.write_text(f'version: 1\nproject: p\nwarehouse: {{url: "duckdb:///x.duckdb"}}\ndbt_monitors: true\n{monitors}', encoding="utf-8")
    return load_config(file, {})


def test_a_model_is_a_monitor(tmp_path: Path) -> None:
    columns = {
        "paid": {"config": {"tags": ["label"]}, "meta": {"drift": {"thresholds": {"psi": {"alert": 0.4}}}}},
        "customer": {"tags": ["identifier", "pii"]},
        "size": {"tags": ["categorical"]},
        "note": {"config": {"meta": {"drift": False}}},
    }
    (m,) = loaded(tmp_path, node(columns=columns)).monitors
    assert (m.name, m.relation, m.tags) == ("orders", '"db"."ml"."orders"', ("own", "tier1"))
    found = {c.name: c for _, c in m.columns.items()}
    assert found["paid"].role is Role.LABEL and found["paid"].thresholds.limits["psi"].alert == 0.4
    assert found["customer"].role is Role.IDENTIFIER and found["size"].kind is Kind.CATEGORICAL
    assert m.columns.include == ("*",) and m.columns.exclude == ("note",)


def test_columns_by_tag_in_a_list_and_in_patterns(tmp_path: Path) -> None:
    columns = {"a": {"tags": ["money"]}, "b": {"tags": ["money", "label"]}, "c": {}}
    (m,) = loaded(tmp_path, node(DRIFT | {"columns": ["tag:money", "c"]}, columns)).monitors
    assert [(c.name, c.role) for _, c in m.columns.items()] == [("a", None), ("b", Role.LABEL), ("c", None)]
    (m,) = loaded(tmp_path, node(DRIFT | {"columns": {"include": ["*"], "exclude": ["tag:money"]}}, columns)).monitors
    assert m.columns.exclude == ("a", "b")
    with pytest.raises(ConfigError, match="no column of the node has the tag 'mony'"):
        loaded(tmp_path, node(DRIFT | {"columns": ["tag:mony"]}, columns))


def test_the_monitors_own_settings_stand_above_the_columns(tmp_path: Path) -> None:
    columns = {"a": {"meta": {"drift": {"role": "label", "kind": "numeric"}}}}
    own = DRIFT | {"columns": {"overrides": [{"name": "a", "role": "score"}]}}
    (m,) = loaded(tmp_path, node(own, columns)).monitors
    ((_, c),) = m.columns.items()
    assert (c.role, c.kind) == (Role.SCORE, Kind.NUMERIC)


def test_sources_and_references_to_them(tmp_path: Path) -> None:
    table = node(name="raw", source_name="erp", resource_type="source", relation_name='"db"."erp"."raw"')
    more = "monitors:\n  - {name: two, relation: \"source('erp', 'raw')\", timestamp: at, baseline: {relation: ref('orders')}}\n"
    two, one = loaded(tmp_path, node(None, meta={}, config={}), sources=(table,), monitors=more).monitors
    assert (one.name, one.relation) == ("raw", '"db"."erp"."raw"')
    assert (two.relation, two.baseline.relation) == ('"db"."erp"."raw"', '"db"."ml"."orders"')
    with pytest.raises(ConfigError, match=r"no source 'erp.raw2'. Did you mean erp.raw"):
        loaded(tmp_path, node(), sources=(table,), monitors=more.replace("'raw'", "'raw2'"))


@pytest.mark.parametrize(
    "drift, said",
    [
        (DRIFT | {"relation": "x"}, "relation has no place here: the relation is the model itself"),
        (DRIFT | {"timstamp": "at"}, "did you mean timestamp"),
        (DRIFT | {"baseline": {"from": "2025-02-01", "to": "2025-01-01"}}, "baseline"),
        ({"timestamp": "at"}, "baseline"),
        (True, "must be a monitor as in drift.yml"),
    ],
)
def test_mistakes_name_the_file_and_the_model(tmp_path: Path, drift: Any, said: str) -> None:
    with pytest.raises(ConfigError) as error:
        loaded(tmp_path, node(drift))
    assert all(str(p).startswith(f"{tmp_path}/models/orders.sql:1: dbt model orders, meta.drift: ") for p in error.value.problems)
    assert said in str(error.value)


def test_the_line_is_the_one_that_names_the_source(tmp_path: Path) -> None:
    (tmp_path / "src.yml").write_text("sources:\n  - name: erp\n    tables:\n      - name: raw\n", encoding="utf-8")
    table = node({}, name="raw", source_name="erp", resource_type="source", original_file_path="src.yml")
    with pytest.raises(ConfigError, match=r"src\.yml:4: dbt source erp\.raw, meta\.drift: .*baseline"):
        loaded(tmp_path, sources=(table,))


def test_the_line_of_a_model_is_where_its_drift_is_written(tmp_path: Path) -> None:
    """In its own file, whose text may not hold the model's name; or in the properties that dbt patched it with."""
    models = tmp_path / "models"
    models.mkdir()
    (models / "orders.sql").write_text("-- drift = 0 is fine\n{{ config(\n  meta={'drift': {'timestamp': 'at'}}\n) }}\nSELECT 1", encoding="utf-8")
    (models / "all.yml").write_text("models:\n  - name: other\n  - name: orders\n    meta:\n      drift: {timestamp: at}\n", encoding="utf-8")
    patched = node({"timestamp": "at"}, patch_path="shop://models/all.yml")
    with pytest.raises(ConfigError, match=r"models/orders\.sql:3: dbt model orders, meta\.drift: .*baseline"):
        loaded(tmp_path, patched)
    (models / "orders.sql").write_text("SELECT 1 AS drift\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"models/all\.yml:3: dbt model orders, meta\.drift: .*baseline"):
        loaded(tmp_path, patched)


def test_no_manifest_and_no_declaration(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no model or source in .* has meta"):
        loaded(tmp_path, node(config={}))
    (tmp_path / "target" / "manifest.json").unlink()
    with pytest.raises(ConfigError, match=r"drift.yml:4: dbt_monitors: there is no dbt manifest .*; run dbt parse"):
        load_config(tmp_path / "drift.yml", {})
