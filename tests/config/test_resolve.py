from __future__ import annotations

from datetime import datetime, timezone

from warehouse_drift.config.limits import show_resolved
from warehouse_drift.config.resolve import ColumnProblem, definition_hash, resolve_monitor
from warehouse_drift.config.resolved import Kind, Role, SourceColumn

COLUMNS = (
    SourceColumn("scored_at", "TIMESTAMP", "timestamp"),
    SourceColumn("amount", "DECIMAL(18,2)", "decimal"),
    SourceColumn("score", "DOUBLE", "float"),
    SourceColumn("country", "VARCHAR", "text"),
    SourceColumn("is_new", "INTEGER", "integer"),
    SourceColumn("user_id", "BIGINT", "integer"),
    SourceColumn("born", "DATE", "date"),
    SourceColumn("tags", "VARCHAR[]", "nested"),
)


def resolved(load, monitor="", columns=COLUMNS, **more):
    config = load(monitor=monitor, **more)
    return resolve_monitor(config, config.monitors[0], columns)


def by_name(monitor):
    return {c.name: c for c in monitor.columns}


def test_kinds_roles_and_what_is_not_profiled(load):
    monitor, problems = resolved(
        load,
        'segments: [country]\ncolumns: {include: ["*"], overrides: [{name: user_id, role: identifier}], kinds: {"is_*": boolean}}',
    )
    assert problems == []
    columns = by_name(monitor)
    assert list(columns) == ["amount", "score", "is_new", "user_id", "born", "tags"]
    assert {n: c.kind for n, c in columns.items()} == {
        "amount": Kind.NUMERIC, "score": Kind.NUMERIC, "is_new": Kind.BOOLEAN, "user_id": Kind.TEXT, "born": Kind.DATETIME, "tags": Kind.TEXT,
    }  # fmt: skip
    assert columns["user_id"].role is Role.IDENTIFIER and not columns["user_id"].store_values
    assert columns["amount"].store_values and not columns["amount"].named
    assert set(columns["user_id"].thresholds) == {"missing_rate_change"}


def test_a_segment_column_is_profiled_when_it_is_named(load):
    monitor, _ = resolved(load, "segments: [country]\ncolumns: [country, amount]")
    assert by_name(monitor)["country"].role is Role.SEGMENT
    assert by_name(monitor)["country"].named


def test_patterns(load):
    monitor, _ = resolved(load, 'columns: {include: ["*"], exclude: ["*_id", "/^(born|tags)$/"]}')
    assert list(by_name(monitor)) == ["amount", "score", "country", "is_new"]
    monitor, _ = resolved(load, 'columns: [{match: "/^s.*e$/"}, AMOUNT]')
    assert [(c.name, c.named) for c in monitor.columns] == [("amount", True), ("score", False)]


def test_thresholds_come_from_the_most_specific_place(load):
    head = (
        "version: 1\nproject: p\nwarehouse: {url: 'duckdb:///x'}\n"
        "defaults: {thresholds: {ks: {warn: 0.01, alert: 0.02}}, roles: {score: {thresholds: {total_variation: {alert: 0.5}}}}}\n"
    )
    monitor, problems = resolved(
        load,
        "thresholds: {psi: {warn: 0.15}}\n"
        "roles: {score: {thresholds: {psi: {alert: 0.4}}}}\n"
        "columns:\n"
        "  - {name: score, role: score, thresholds: {missing_rate_change: null}}\n"
        "  - {match: '*o*', thresholds: {psi: {warn: 0.2}}}\n"
        "  - {name: amount, thresholds: {psi: {warn: 0.3, alert: 0.35}}}\n"
        "  - user_id",
        head=head,
    )
    assert problems == []
    c = by_name(monitor)
    psi = c["score"].thresholds["psi"]
    assert (psi.warn, psi.alert, psi.auto) == (0.2, 0.4, False)
    assert psi.source == "match *o* (drift.yml:14); role score (drift.yml:11)"
    assert "missing_rate_change" not in c["score"].thresholds
    assert c["score"].thresholds["total_variation"].source == "role score (drift.yml:4)"
    assert (c["amount"].thresholds["psi"].warn, c["amount"].thresholds["psi"].source) == (
        0.3,
        "column amount (drift.yml:15)",
    )
    user = c["user_id"].thresholds
    assert (user["psi"].warn, user["psi"].alert) == (0.15, 0.25)
    assert user["psi"].source == "monitor scores (drift.yml:10); preset psi_classic"
    assert (user["ks"].warn, user["ks"].source) == (0.01, "defaults (drift.yml:4)")
    assert user["missing_rate_change"].auto and user["missing_rate_change"].source == "preset psi_classic"
    assert ("user_id", "ks", 0.01, 0.02, "defaults (drift.yml:4)") in show_resolved(monitor)
    assert show_resolved(monitor)[0][:4] == (":table", "row_count", 0.5, 1.0)
    assert set(monitor.statistics) >= {
        "psi",
        "ks",
        "total_variation",
        "missing_rate_change",
        "unseen_rate",
        "row_count",
    }


def test_auto_and_a_named_preset(load):
    auto, _ = resolved(load, "thresholds: auto")
    fixed, _ = resolved(load, "thresholds: psi_classic")
    assert by_name(auto)["amount"].thresholds["psi"].auto
    assert not by_name(fixed)["amount"].thresholds["psi"].auto
    assert by_name(fixed)["amount"].thresholds["psi"].source == "preset psi_classic: monitor scores (drift.yml:9)"


def test_an_inherited_limit_never_crosses_a_given_one(load):
    monitor, _ = resolved(
        load,
        "columns: [{name: amount, thresholds: {psi: {alert: 0.05}}}, {name: score, thresholds: {psi: {warn: 0.5}}}]",
    )
    c = by_name(monitor)
    assert (c["amount"].thresholds["psi"].warn, c["amount"].thresholds["psi"].alert) == (0.05, 0.05)
    assert (c["score"].thresholds["psi"].warn, c["score"].thresholds["psi"].alert) == (0.5, 0.5)


def test_missing_columns_do_not_stop_the_others(load):
    monitor, problems = resolved(load, 'columns: [amount, scor, "zz_*", {name: log_a, expression: "ln(amount)"}]')
    assert [c.name for c in monitor.columns] == ["amount", "log_a"]
    assert [c.name for c in monitor.missing_columns] == ["scor"]
    assert all(isinstance(p, ColumnProblem) for p in problems)
    assert "Did you mean score?" in problems[0].message and problems[0].line == 9
    assert "matches 'zz_*'" in problems[1].message
    assert by_name(monitor)["log_a"].expression == "ln(amount)"


def test_problems_that_stop_a_monitor(load):
    _, problems = resolved(
        load,
        "segments: [contry]\ncolumns: [{name: country, kind: numeric}, {name: score, thresholds: {unseen_rate: {warn: 0.1}}}]",
    )
    said = [p.message for p in problems]
    assert any("Did you mean country?" in m for m in said)
    assert any("cannot be measured as numeric" in m for m in said)
    assert any("not measured on numeric columns" in m for m in said)
    assert not any(isinstance(p, ColumnProblem) for p in problems)
    _, problems = resolved(load, columns=COLUMNS[1:])
    assert "the timestamp column 'scored_at' is not in ml.scored" in problems[0].message
    _, problems = resolved(load, columns=(SourceColumn("scored_at", "INTEGER", "integer"), *COLUMNS[1:]))
    assert "format: yyyymmdd" in problems[0].message
    _, problems = resolved(load, 'columns: {include: ["*"], exclude: ["*"]}')
    assert "no column is left" in problems[0].message


def test_baseline_instants_and_comparisons(load):
    head = (
        "version: 1\nproject: p\nwarehouse: {url: 'duckdb:///x'}\ndefaults: {timestamp: {time_zone: Europe/Berlin}}\n"
    )
    monitor, _ = resolved(
        load, "comparisons: [{name: d, window: day}, {name: w, window: week, k_of_n: 1 of 2}]", head=head
    )
    assert monitor.baseline.start == datetime(2024, 12, 31, 23, tzinfo=timezone.utc)
    assert monitor.baseline.end == datetime(2025, 3, 31, 22, tzinfo=timezone.utc)
    assert [c.k_of_n for c in monitor.comparisons] == [(2, 3), (1, 2)]
    monitor, _ = resolved(load)
    assert [(c.name, c.window, c.against) for c in monitor.comparisons] == [("daily", "day", "baseline")]


def test_hashes(load):
    base, _ = resolved(load)
    same, _ = resolved(load, "owner: someone\nprecision: exact", columns=COLUMNS[:4])
    assert same.config_hash == base.config_hash
    assert definition_hash(same) == definition_hash(base)
    for lines in (
        "thresholds: {psi: {warn: 0.2}}",
        "p_gate: 0.05",
        "adjustment: holm",
        "dataset: {warn: 1%}",
        "comparisons: [{name: daily, k_of_n: 1 of 1}]",
    ):
        other, _ = resolved(load, lines)
        assert other.config_hash != base.config_hash, lines
        assert definition_hash(other) == definition_hash(base)
    other, _ = resolved(load, "where: amount > 0")
    assert definition_hash(other) != definition_hash(base)


def test_names_that_differ_in_case_only(load):
    columns = (COLUMNS[0], SourceColumn("A", "DOUBLE", "float"), SourceColumn("a", "DOUBLE", "float"))
    monitor, problems = resolved(load, "columns: [a]", columns=columns)
    assert [c.name for c in monitor.columns] == ["a"] and problems == []
