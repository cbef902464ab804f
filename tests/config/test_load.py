from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from warehouse_drift.config.load import load_config
from warehouse_drift.errors import ConfigError, UsageError

WHOLE = """version: 1
project: shop
warehouse:
  url: duckdb:///shop.duckdb
  result_schema: drift
defaults:
  timestamp: {time_zone: Europe/Berlin, bucket: day}
  thresholds: auto
retention: {cells: 35 days, bins: 400 days, history: 3 years}
monitors:
  - name: fraud_scores
    id: fraud-1
    relation: ml.fraud_scored
    where: "status = 'final'"
    owner: "@risk-ml"
    tags: [tier1]
    timestamp: scored_at
    columns:
      - amount
      - {name: score, role: score, thresholds: {ks: {warn: 0.05, alert: 0.10}}}
      - {match: "f_*", role: feature}
      - {name: country, kind: categorical, store_values: true}
      - {name: log_amount, expression: "ln(amount + 1)"}
    segments: [{column: country, max_values: 20, min_rows: 500, alert_on: [DE, NO, 007]}, channel]
    baseline: {from: 2025-01-01, to: 2025-04-01}
    comparisons:
      - {name: daily, window: day, against: baseline}
      - {name: week_on_week, window: week, against: previous}
    statistics: [psi, ks, wasserstein_normed]
    precision: certified
    dataset: {warn: 5%, alert: 15%}
  - name: customer_features
    relation: feat.customer_daily
    timestamp: {column: ds, format: yyyymmdd, bucket: day}
    columns: {include: ["*"], exclude: ["*_id", "tmp_*"], kinds: {"is_*": boolean}, overrides: [{match: "amt_*", thresholds: {psi: {alert: 0.3}}}]}
    baseline: {from: 2025-01-01, to: 2025-03-01}
    comparisons: [{name: daily, window: day, against: baseline}]
    dataset: {warn: 5%, alert: 15%}
"""


def test_the_whole_shape_loads(load):
    config = load(WHOLE)
    fraud, features = config.monitors
    assert config.retention.history == timedelta(days=3 * 365)
    assert fraud.segments[0].alert_on == ("DE", "NO", "007")  # neither false nor seven
    assert fraud.segments[1].column == "channel"
    assert fraud.dataset.alert == 0.15
    assert [c.label for _, c in fraud.columns.items()] == ["amount", "score", "f_*", "country", "log_amount"]
    assert features.columns.exclude == ("*_id", "tmp_*")
    assert config.monitor("fraud_scores") is fraud
    with pytest.raises(UsageError, match="Did you mean fraud_scores"):
        config.monitor("fraud_score")


def test_all_mistakes_come_at_once_with_their_lines(mistakes):
    text = (
        WHOLE.replace("project: shop", "projekt: shop")
        .replace("Europe/Berlin", "Europe/Berln")
        .replace("role: score", "rol: score")
    )
    text = (
        text.replace("[psi, ks, w", "[psi, kss, w")
        .replace("to: 2025-03-01", "to: 2024-03-01")
        .replace("result_schema", "result_shema")
    )
    found = mistakes(text)
    assert [line for line, _ in found] == [1, 2, 5, 7, 20, 29, 36]
    said = " | ".join(m for _, m in found)
    for part in (
        "did you mean project?",
        "did you mean result_schema?",
        "did you mean Europe/Berlin?",
        "did you mean role?",
        "did you mean ks?",
        "before it begins",
    ):
        assert part in said
    assert "'project' is missing" in said


@pytest.mark.parametrize(
    "lines, said",
    [
        ("budget: {bytes: 50 pigs, rows: 9}", "is not a size"),
        ("budget: {on_exceed: warn}", "needs bytes or rows"),
        ("budget: {rows: 0, bytes: 1 GB}", "greater than 0"),
        ("comparisons: [{name: a, window: 7 days}]", "not in this version yet"),
        ("comparisons: [{name: a, every: 1 day}]", "not in this version yet"),
        ("comparisons: [{name: a, against: {same: day_of_week}}]", "not in this version yet"),
        ("columns: [{name: x, available_after: 45 days}]", "not in this version yet"),
        ("comparisons: [{name: a, window: dya}]", "did you mean day?"),
        ("comparisons: [{name: a, window: hour}]", "not made of whole day buckets"),
        ("comparisons: [{name: a}, {name: a}]", "stands twice"),
        ("comparisons: [{name: a, k_of_n: 3 of 2}]", "can never be"),
        ("where: \"a = 1; drop table x\"", "not one SQL expression"),
        ("where: \"a, b\"", "not one SQL expression"),
        ("where: \"sum(a) > 1\"", "aggregates"),
        ("columns: [{name: x, expression: \"a + \"}]", "not one SQL expression"),
        ("columns: [{match: \"f_*\", expression: \"a\"}]", "needs a name"),
        ("columns: [{kind: numeric}]", "either name or match"),
        ("columns: [x, {name: x}]", "stands twice"),
        ("columns: [{match: \"/f_(/\"}]", "not a regular expression"),
        ("columns: [{name: x, kind: numric}]", "did you mean numeric?"),
        ("thresholds: {psi: {warn: 0.3, alert: 0.2}}", "above alert"),
        ("thresholds: {psi: {}}", "neither warn nor alert"),
        ("thresholds: psi_clasic", "did you mean psi_classic?"),
        ("thresholds: {psy: {warn: 1}}", "did you mean psi?"),
        ("thresholds: {psi: {warn: .nan}}", "warn"),
        ("dataset: {warn: 50%, alert: 5%}", "above alert"),
        ("query: select 1", "keep one of them"),
        ("segments: [{column: a}, a]", "stands twice"),
        ("p_gate: 5", "p_gate"),
        ("refine_budget: yes", "refine_budget"),
        ("tags: {a: 1}", "tags"),
        ("owner: x\nowner: y", "stands twice, first in line 9"),
    ],
)  # fmt: skip
def test_one_mistake_is_one_sentence_at_its_line(mistakes, lines, said):
    found = mistakes(monitor=lines)
    assert len(found) == 1, found
    assert found[0][0] == 8 + len(lines.splitlines())
    assert said in found[0][1]


def test_baselines(mistakes):
    base = "version: 1\nproject: p\nwarehouse: {url: 'duckdb:///x'}\nmonitors:\n  - name: m\n    relation: t\n"
    for lines, said in (
        ("    baseline: {from: 2025-01-01, to: 2025-02-01}\n", "needs the monitor's timestamp"),
        ("    timestmap: ts\n    baseline: {from: 2025-01-01, to: 2025-02-01}\n", "did you mean timestamp?"),
        ("    timestamp: 5\n    baseline: {from: 2025-01-01, to: 2025-02-01}\n", "timestamp"),
        ("    timestamp: ts\n    baseline: {from: 2025-01-01}\n", "has a from but no to"),
        ("    timestamp: ts\n    baseline: {from: 2025-02-30, to: 2025-03-01}\n", "not a date"),
        ("    timestamp: ts\n    baseline: {from: 2025-02-01, to: 2025-02-01}\n", "before it begins"),
        ("    timestamp: ts\n    baseline: {rolling: 56 days}\n", "not in this version yet"),
        ("    timestamp: ts\n    baseline: {relation: a, query: select 1}\n", "keep one"),
        ("    timestamp: ts\n", "'baseline' is missing"),
    ):
        found = mistakes(base + lines)
        assert len(found) == 1 and said in found[0][1], found


def test_a_monitor_needs_a_source_and_names_are_unique(mistakes):
    two = "  - {name: scores, relation: b, timestamp: t, baseline: {from: 2025-01-01, to: 2025-02-01}}\n"
    head = "version: 1\nproject: p\nwarehouse: {url: 'duckdb:///x'}\nmonitors:\n"
    assert "taken already, in drift.yml:5" in mistakes(head + two + two)[0][1]
    assert "needs a relation" in mistakes(head + two.replace("relation: b, ", ""))[0][1]


def test_variables(load, mistakes):
    config = load(monitor='owner: "${WHO:-nobody}"\np_gate: ${GATE}\nwhere: "a = \'$${x}\'"', env={"GATE": "0.05"})
    monitor = config.monitors[0]
    assert (monitor.owner, monitor.p_gate, monitor.where) == ("nobody", 0.05, "a = '${x}'")
    found = mistakes(monitor="owner: ${WHO}\nprecison: exact")
    assert [line for line, _ in found] == [9, 10]
    assert "WHO is not set" in found[0][1] and "did you mean precision?" in found[1][1]
    assert "neither ${VAR}" in mistakes(monitor='owner: "${WHO"')[0][1]


def test_secrets_are_never_shown(load, mistakes):
    head = "version: 1\nproject: p\nwarehouse: {url: 'postgresql://me@db.host:5432/shop', password: '${PW}'}\n"
    config = load(head=head, env={"PW": "hunter/2"})
    assert config.url == "postgresql://me:hunter%2F2@db.host:5432/shop"
    for shown in (repr(config), str(config), repr(config.warehouse), config.model_dump_json()):
        assert "hunter" not in shown
    bad = "version: 1\nproject: p\nwarehouse: {url: [hunter2], password: {hunter2: 1}, target: [hunter2]}\n"
    assert "hunter2" not in str(mistakes(head=bad))
    assert "hunter2" not in str(mistakes(head="version: 1\nproject: p\nwarehouse: {url: 'nosuch://u:hunter2@h/d'}\n"))


def test_one_role_reads_and_another_writes(load, mistakes):
    head = "version: 1\nproject: p\nwarehouse: {url: 'postgresql://me@h/shop', %s}\n"
    assert load(head=head % "role: r, results: {role: w}").roles == ("r", "w")
    assert load().roles == (None, None)
    assert "go together" in mistakes(head=head % "role: r")[0][1]
    assert "go together" in mistakes(head=head % "results: {role: w}")[0][1]
    assert "not in this version yet" in mistakes(head=head % "results: {url: x}")[0][1]


def test_include(tmp_path: Path):
    (tmp_path / "drift").mkdir()
    (tmp_path / "drift.yml").write_text(
        "version: 1\nproject: p\nwarehouse: {url: 'duckdb:///x'}\ninclude: [drift/*.yml]\n"
    )
    part = "monitors:\n  - name: {}\n    relation: t\n    timestamp: ts\n    baseline: {{from: 2025-01-01, to: 2025-02-01}}\n"
    (tmp_path / "drift" / "a.yml").write_text(part.format("a"))
    (tmp_path / "drift" / "b.yml").write_text(part.format("b"))
    config = load_config(tmp_path / "drift.yml", {})
    assert [m.name for m in config.monitors] == ["a", "b"]
    assert config.source(("monitors", 1, "timestamp")) == "drift/b.yml:4"
    (tmp_path / "drift" / "b.yml").write_text(part.format("a") + "    wher: x\nprojct: y\n")
    with pytest.raises(ConfigError) as caught:
        load_config(tmp_path / "drift.yml", {})
    assert [(Path(p.file).name, p.line) for p in caught.value.problems] == [("b.yml", 2), ("b.yml", 6), ("b.yml", 7)]


def test_files_that_are_no_configuration(load, mistakes, tmp_path: Path):
    with pytest.raises(UsageError, match="no configuration"):
        load_config(tmp_path / "nothing.yml", {})
    assert mistakes("a: [1, 2\nb: 3\n")[0][1].startswith("this is not YAML")
    assert "mapping" in mistakes("- a\n")[0][1]
    assert "empty" in mistakes("# nothing\n")[0][1]
    assert "no monitor" in mistakes("version: 1\nproject: p\nwarehouse: {url: 'duckdb:///x'}\n")[0][1]
    assert "refers to itself" in str(mistakes("version: 1\nproject: &a [*a]\n"))


def test_yaml_merge_keys_keep_their_lines(load):
    config = load(
        WHOLE.replace(
            "dataset: {warn: 5%, alert: 15%}\n  - name: customer",
            "dataset: &d {warn: 5%, alert: 15%}\n  - name: customer",
        ).replace("    dataset: {warn: 5%, alert: 15%}\n", "    dataset: {<<: *d, alert: 20%}\n")
    )
    assert (config.monitors[1].dataset.warn, config.monitors[1].dataset.alert) == (0.05, 0.2)


def test_dbt_profile_and_ref(tmp_path: Path):
    (tmp_path / "profiles.yml").write_text(
        "shop:\n  target: dev\n  outputs:\n"
        "    dev: {type: duckdb, path: shop.duckdb}\n"
        "    prod: {type: postgres, host: h, user: me, password: \"{{ env_var('PW') }}\", port: 5433, dbname: shop, schema: x}\n"
    )
    (tmp_path / "target").mkdir()
    (tmp_path / "target" / "manifest.json").write_text(
        '{"nodes": {"model.p.scored": {"name": "scored", "resource_type": "model", "relation_name": "\\"shop\\".\\"ml\\".\\"scored\\""}}}'
    )
    text = (
        "version: 1\nproject: p\nwarehouse: {dbt_profile: shop, target: '${DBT_TARGET:-dev}'}\n"
        "monitors:\n  - {name: m, relation: ref('scored'), timestamp: t, baseline: {from: 2025-01-01, to: 2025-02-01}}\n"
    )
    file = tmp_path / "drift.yml"
    file.write_text(text)
    config = load_config(file, {})
    assert config.url == "duckdb:///shop.duckdb"
    assert config.monitors[0].relation == '"shop"."ml"."scored"'
    assert load_config(file, {"DBT_TARGET": "prod", "PW": "s"}).url == "postgresql://me:s@h:5433/shop"
    assert load_config(file, {"PW": "s"}, target="prod").url.endswith("/shop")
    with pytest.raises(ConfigError, match="Did you mean prod"):
        load_config(file, {}, target="prodd")
    with pytest.raises(ConfigError, match="variable PW"):
        load_config(file, {}, target="prod")
    file.write_text(text.replace("ref('scored')", "ref('scord')"))
    with pytest.raises(ConfigError, match="Did you mean scored"):
        load_config(file, {})


def test_a_relative_file_counts_from_the_folder_of_the_configuration(load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    assert load().url == f"duckdb:///{tmp_path / 'shop.duckdb'}"
    monkeypatch.chdir(tmp_path)
    assert load().url == "duckdb:///shop.duckdb", "the same file, as it is written"
    monkeypatch.chdir(tmp_path.parent)
    head = "version: 1\nproject: p\nwarehouse: {url: '%s'}\n"
    for given, meant in (
        ("duckdb:///data/shop.duckdb?threads=2", f"duckdb:///{tmp_path}/data/shop.duckdb?threads=2"),
        ("duckdb:////srv/shop.duckdb", "duckdb:////srv/shop.duckdb"),
        ("duckdb:///:memory:", "duckdb:///:memory:"),
        ("duckdb:///md:shop", "duckdb:///md:shop"),
        ("postgresql://me@h/shop", "postgresql://me@h/shop"),
    ):
        assert load(head=head % given).url == meant


def test_a_segment_cannot_keep_its_values_to_itself(load, mistakes):
    for columns in ("[{name: Country, store_values: false}]", "[{match: 'c*', store_values: false}]"):
        ((line, said),) = mistakes(monitor=f"segments: [country]\ncolumns: {columns}")
        assert line == 9 and said.startswith("the column country has store_values: false, but the names of segments")
    load(monitor="segments: [country]\ncolumns: [{match: 'c*', store_values: false}, {name: country, store_values: true}]")
