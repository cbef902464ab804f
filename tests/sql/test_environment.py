"""Templates can print marked SQL and integers only, however they try."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import duckdb
import pytest
from markupsafe import Markup

from warehouse_drift.errors import DialectError
from warehouse_drift.sql import render
from warehouse_drift.sql.environment import environment, identifier, text_literal

RAW = "1; DROP TABLE t"


def test_only_marked_sql_is_printed() -> None:
    env = environment()
    assert env.from_string("SELECT {{ name|ident }}").render(name='a"b') == 'SELECT "a""b"'
    assert env.from_string("{{ t|timestamp }}").render(t=datetime(2025, 1, 2)).startswith("CAST('2025-01-02 00:00:00")
    assert env.from_string("{{ a + b }} {{ 2 + 3 }}").render(a=Markup("x"), b=Markup("y")) == "xy 5"


@pytest.mark.parametrize(
    "template",
    [
        "{{ raw }}",
        "{{ 1.5 }}",
        "{{ true }}",
        "{{ none }}",
        "{{ 'constant' }}",
        "{{ raw|safe }}",
        "{{ raw|e }}",
        "{{ raw|escape }}",
        "{{ raw|forceescape }}",
        "{{ raw|tojson }}",
        "{{ raw|urlize }}",
        "{{ raw|upper }}",
        "{{ {'a': raw}|xmlattr }}",
        "{{ [sql, raw]|join(', ') }}",
        "{{ sql|replace('x', raw) }}",
        "{{ sql|format(raw) }}",
        "{{ sql + raw }}",
        "{{ raw + sql }}",
        "{{ sql % raw }}",
        "{{ sql * 2 }}",
        "{{ sql ~ raw }}",
        "{% set both = sql ~ raw %}{{ both }}",
        "{{ sql.format(raw) }}",
        "{{ sql.join([raw, raw]) }}",
        "{{ sql.replace('%s', raw) }}",
        "{{ sql['format'](raw) }}",
        "{{ sql.__class__(raw) }}",
        "{{ lipsum() }}",
        "{{ cycler(raw).next() }}",
        "{% autoescape false %}{{ sql + raw }}{% endautoescape %}",
        "{% autoescape false %}{% set x %}{{ raw }}{% endset %}{{ x }}{% endautoescape %}",
        "{% filter upper %}{{ sql }}{% endfilter %}",
        "{% macro m(x) %}{{ x }}{% endmacro %}{{ m(raw) }}",
        "{{ [sql, raw]|sum(start=sql) }}",
    ],
)
def test_text_is_never_printed_as_sql(template: str) -> None:
    """A way around must not be found: whatever happens, the raw text is not in the result."""
    from jinja2 import TemplateError

    with pytest.raises((DialectError, TemplateError)):
        environment().from_string(template).render(raw=RAW, sql=Markup("%s x"))


@pytest.mark.parametrize("value", ["&lt;b&gt; &amp; &#39;", "it's &lt;", 'say "&lt;"', "a\n\nb -- &#", "{{ x }}", "%s"])
def test_values_and_names_hold_anything(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "warehouse_drift.sql.environment.template_text", lambda name, dialect: "SELECT {{ v|text }} AS {{ v|ident }}"
    )
    environment.cache_clear()
    try:
        sql = render.canonical_text("any", {"v": value})
        found = duckdb.sql(sql)
        assert found.columns == [value] and found.fetchall() == [(value,)]
    finally:
        environment.cache_clear()


def test_escaped_sql_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Marked SQL that Python joined with plain text: markupsafe escapes the latter, and rendering says so."""
    monkeypatch.setattr("warehouse_drift.sql.environment.template_text", lambda name, dialect: "SELECT {{ x }}")
    environment.cache_clear()
    try:
        wrong = identifier("a&lt;") + Markup(" = ") + text_literal("&gt;") + Markup(" AND {}").format("b < 1")
        with pytest.raises(DialectError, match="&lt;"):
            render.canonical_text("any", {"x": wrong})
    finally:
        environment.cache_clear()


def test_compiled_templates_are_kept_and_a_changed_template_is_compiled_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jinja2.bccache.FileSystemBytecodeCache._get_default_cache_dir", lambda self: str(tmp_path))
    text = ["SELECT {{ x }}"]
    monkeypatch.setattr("warehouse_drift.sql.environment.template_text", lambda name, dialect: text[0])

    def rendered() -> tuple[str, int]:
        environment.cache_clear()
        answer = environment().get_template("a").render(x=1)
        (kept,) = tmp_path.iterdir()
        return answer, kept.stat().st_mtime_ns

    try:
        first, again = rendered(), rendered()
        text[0] = "SELECT {{ x }}, 2"
        changed = rendered()
    finally:
        environment.cache_clear()
    assert first[0] == "SELECT 1" and again == first
    assert changed[0] == "SELECT 1, 2" and changed[1] != first[1]


def test_a_user_without_a_folder_has_no_compiled_templates(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(self: object) -> str:
        raise RuntimeError("no safe folder")

    monkeypatch.setattr("jinja2.bccache.FileSystemBytecodeCache._get_default_cache_dir", refused)
    environment.cache_clear()
    try:
        assert environment().bytecode_cache is None
    finally:
        environment.cache_clear()
