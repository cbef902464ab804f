"""``dbt generate``: the models, run as dbt would run them (its Jinja, without dbt), give the numbers of ``run``."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import jinja2
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from warehouse_drift import verbs_run
from warehouse_drift.cli import app
from warehouse_drift.dbt.files import relation_code, slug
from warehouse_drift.dbt.weave import Woven, escaped, jinja, model, stand_in
from warehouse_drift.errors import UsageError
from warehouse_drift.sql.dialect import load_dialect
from warehouse_drift.verbs_dbt_generate import generate

CONFIG = """\
version: 1
project: shop
warehouse: {{url: "duckdb:///{file}", result_schema: drift}}
monitors:
  - name: Orders
    relation: main.orders
    where: "note <> '{{{{ not jinja }}}}'"
    timestamp: {{column: at, bucket: day, late: {late}}}
    columns: [amount, {{name: "odd {{% name", kind: categorical}}, vip]
    segments: [{{column: shop, alert_on: [a]}}]
    statistics: [hellinger, wasserstein]
    baseline: {{from: 2025-01-06, to: 2025-01-27}}
    comparisons:
      - {{name: weekly, window: week, against: baseline}}
      - {{name: daily, window: day, against: previous}}
"""
SAME = "project, monitor, comparison, window_start, window_end, window_date, baseline_version, segment, column_name, statistic"


def rows(first: datetime, days: int, seed: int) -> list[tuple[Any, ...]]:
    r = random.Random(seed)
    return [
        (
            first + timedelta(days=d, minutes=r.randrange(1440)),
            r.choice([None, float("nan"), 0.0, r.gauss(5.0 + d / 10, 2.0), r.expovariate(0.1)]),
            r.choice(["x", "y", "null", "", None, f"v{r.randrange(40)}"]),
            r.random() < 0.3,
            r.choice(["a", "b", "null", None]),
            r.choice(["fine", "{{ not jinja }}"]),
        )
        for d in range(days)
        for _ in range(50)
    ]


def insert(file: Path, listed: list[tuple[Any, ...]]) -> None:
    with duckdb.connect(str(file)) as c:
        c.execute('CREATE TABLE IF NOT EXISTS orders ("at" TIMESTAMP, amount DOUBLE, "odd {% name" VARCHAR, vip BOOLEAN, shop VARCHAR, note VARCHAR)')
        c.execute("INSERT INTO orders SELECT UNNEST(?), UNNEST(?), UNNEST(?), UNNEST(?), UNNEST(?), UNNEST(?)", [list(x) for x in zip(*listed, strict=True)])


def build(project: Path, file: Path, number: int) -> None:
    """Loads the seeds and runs both models as dbt does, with delete+insert by the models' own keys."""
    (seeds,) = (project / "seeds").rglob("*.yml")
    types = {s["name"]: s["config"]["column_types"] for s in yaml.safe_load(seeds.read_text(encoding="utf-8"))["seeds"]}
    with duckdb.connect(str(file)) as c:
        for name, columns in types.items():
            (csv,) = (project / "seeds").rglob(f"{name}.csv")
            c.execute(f"CREATE OR REPLACE TABLE {name} ({', '.join(f'{k} {v}' for k, v in columns.items())})")
            c.execute(f"COPY {name} FROM '{csv}' (FORMAT CSV, HEADER TRUE)")
        for step in ("cells", "metrics"):
            name = f"orders_drift_{step}"
            (sql,) = (project / "models").rglob(f"{name}.sql")
            there = c.execute("SELECT COUNT(*) FROM duckdb_tables() WHERE table_name = ?", [name]).fetchone() != (0,)
            found: dict[str, Any] = {}
            text = jinja2.Template(sql.read_text(encoding="utf-8")).render(
                config=lambda f=found, **given: f.update(given) or "",
                ref=lambda n: n, source=lambda a, b: b, this=name, is_incremental=lambda t=there: t, invocation_id=str(number),
            )  # fmt: skip
            if not there:
                c.execute(f"CREATE TABLE {name} AS {text}")
                continue
            key = found["unique_key"]
            c.execute(f"CREATE TEMP TABLE made AS {text}")
            c.execute(f"DELETE FROM {name} WHERE {key} IN (SELECT {key} FROM made)")
            c.execute(f"INSERT INTO {name} SELECT * FROM made")
            c.execute("DROP TABLE made")


def fetch(file: Path, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(file)) as c:
        return c.execute(sql).fetchall()


def both(file: Path) -> list[tuple[Any, ...]]:
    """What ``run`` stored beside what the models gave, for every row of either."""
    return fetch(
        file,
        f"""SELECT m.statistic IS NULL, h.statistic IS NULL, h.value, m.value, h.value_lower, m.value_lower, h.value_upper, m.value_upper, h.n_reference, m.n_reference,
        h.n_current, m.n_current, h.warn_threshold, m.warn_threshold, h.alert_threshold, m.alert_threshold, h.decision, m.decision, h.reason_code, m.reason_code, statistic
        FROM drift.drift_history AS h FULL JOIN orders_drift_metrics AS m USING ({SAME})""",
    )


def check(found: list[tuple[Any, ...]]) -> int:
    for no_dbt, no_run, *numbers, decision, own, code, own_code, statistic in found:
        assert (no_dbt, no_run) == (False, False), statistic
        for left, right in zip(numbers[::2], numbers[1::2], strict=True):
            assert left == right if left is None else left == pytest.approx(right, rel=1e-9, abs=1e-12), (statistic, left, right, numbers)
        if decision == "none" or code in (None, "segment"):  # the effect alone decided in run, too
            assert (decision, code) == (own, own_code), statistic
        else:
            assert code in ("no_evidence", "awaiting_confirmation") and own in ("warn", "alert"), (statistic, code, own)
    return len(found)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[tuple[Path, Path]]:
    """(database, folder that is a dbt project with a drift.yml), three weeks of baseline and two more."""
    file = tmp_path / "site.duckdb"
    insert(file, rows(datetime(2025, 1, 6), 35, 1))
    (tmp_path / "dbt_project.yml").write_text("name: shop\n", encoding="utf-8")
    (tmp_path / "drift.yml").write_text(CONFIG.format(file=file, late=0), encoding="utf-8")
    yield file, tmp_path


@pytest.mark.slow
def test_models_give_the_numbers_of_run_and_add_only_new_buckets(shop: tuple[Path, Path]) -> None:
    file, project = shop
    verbs_run.run(str(project / "drift.yml"))
    done = generate(str(project / "drift.yml"), "Orders", str(project), until="2025-04-01")
    assert {f.state for f in done.files} == {"written"}
    build(project, file, 1)
    assert check(both(file)) > 1000
    insert(file, rows(datetime(2025, 2, 10), 8, 2))
    verbs_run.run(str(project / "drift.yml"))
    build(project, file, 2)
    assert check(both(file)) > 1500
    profiled = fetch(file, "SELECT run_id, COUNT(DISTINCT bucket_start), MIN(bucket_start) FROM orders_drift_cells GROUP BY run_id ORDER BY run_id")
    first = fetch(file, "SELECT MIN(bucket_start) FROM orders_drift_buckets")[0][0]
    assert [p[0] for p in profiled] == ["1", "2"] and profiled[0][2] == first
    assert profiled[1] == ("2", 8, datetime(2025, 2, 9))  # the last day of before was not over then
    assert {f.state for f in generate(str(project / "drift.yml"), "Orders", str(project), until="2025-04-01").files} <= {"unchanged", "replaced"}


@pytest.mark.slow
def test_late_rows_are_counted_and_their_windows_measured_again(shop: tuple[Path, Path]) -> None:
    file, project = shop
    (project / "drift.yml").write_text(CONFIG.format(file=file, late=3), encoding="utf-8")
    verbs_run.run(str(project / "drift.yml"))
    generate(str(project / "drift.yml"), "Orders", str(project), until="2025-04-01")
    build(project, file, 1)
    insert(file, [(datetime(2025, 2, 8, 12), 1e6, "late", True, "a", "fine")] * 50)
    verbs_run.run(str(project / "drift.yml"))
    build(project, file, 2)
    check(both(file))
    assert fetch(file, "SELECT COUNT(DISTINCT window_start) FROM orders_drift_metrics WHERE run_id = '2' AND comparison = 'daily'")[0][0] == 3


def test_without_a_published_baseline_one_sentence_says_what_to_do(shop: tuple[Path, Path]) -> None:
    _, project = shop
    with pytest.raises(UsageError, match="no published baseline yet") as caught:
        generate(str(project / "drift.yml"), "Orders", str(project))
    assert "warehouse-drift run --select Orders" in str(caught.value)
    shown = CliRunner().invoke(app, ["dbt", "generate", "-c", str(project / "drift.yml"), "-m", "Orders", "--project-dir", str(project / "none")])
    assert isinstance(shown.exception, UsageError) and "dbt_project.yml" in str(shown.exception)


@given(st.text(alphabet="{%#}x '\"wd_", max_size=30))
def test_what_looks_like_jinja_is_printed_as_it_is(text: str) -> None:
    assert jinja2.Template(escaped(text), keep_trailing_newline=True).render() == text


@pytest.mark.parametrize("dialect", ["duckdb", "postgres"])
def test_names_of_dbt_stand_where_the_stand_ins_were(dialect: str) -> None:
    session = Woven(load_dialect(dialect))
    due = session.incremental(
        "due", "dbt/due_windows", stand_in("this"), windows=stand_in("windows"), buckets=stand_in("buckets"), profile=stand_in("profile"),
        profile_definition="{{ a", definition="b", late=3,
    )  # fmt: skip
    names = {"this": "this", **{k: f"ref('x_{k}')" for k in ("windows", "buckets", "profile")}}
    text = model(session, f"SELECT * FROM {due} AS d", names, load_dialect(dialect).dbt)
    assert "wd_dbt_" not in text and "AS MATERIALIZED" in text and "'{{ '{' }}{ a'" in text
    again, _, first = text.partition("{% else %}")
    assert "{{ this }}" in again and "{{ this }}" not in first and "{{ ref('x_windows') }}" in first
    assert jinja("SELECT 'wd_dbt_invocation'", {}, load_dialect(dialect)) == "SELECT '{{ invocation_id }}'"


def test_relations_as_dbt_knows_them(tmp_path: Path) -> None:
    there = tmp_path / "target" / "manifest.json"
    assert relation_code("ref('orders')", "db.s.orders", there) == "ref('orders')"
    assert relation_code("s.orders", "s.orders", there) is None
    (tmp_path / "target").mkdir()
    manifest = '{"sources": {"a": {"source_name": "shop", "name": "o", "relation_name": "\\"db\\".\\"s\\".\\"orders\\""}}, "nodes": {"b": {"resource_type": "model", "name": "m", "relation_name": "db.s.made"}}}'
    there.write_text(manifest, encoding="utf-8")
    assert relation_code("s.orders", "s.orders", there) == "source('shop', 'o')"
    assert relation_code("s.made", "s.made", there) == "ref('m')"
    assert relation_code("orders", "orders", there) is None
    assert slug("Fraud scores (new!)") == "fraud_scores_new"
