"""A template and its parameters to SQL for one warehouse."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from jinja2 import TemplateError

from warehouse_drift.errors import DialectError
from warehouse_drift.resources import template_text
from warehouse_drift.sql.dialect import Dialect
from warehouse_drift.sql.environment import environment

_ESCAPED = ("&lt;", "&gt;", "&amp;", "&#")
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")


@dataclass(frozen=True, slots=True)
class Rendered:
    """``canonical`` is house SQL (DuckDB grammar), ``sql`` the same for the warehouse."""

    template: str
    canonical: str
    sql: str


def canonical_text(template: str, params: Mapping[str, object], dialect: Dialect | None = None) -> str:
    """Renders without translating. Raises DialectError naming the template for anything that goes wrong."""
    try:
        text = environment(dialect.name if dialect else None).get_template(f"{template}.sql.j2").render(**params)
    except DialectError as error:
        raise DialectError(f"Template {template}: {error.message}") from error
    except TemplateError as error:
        raise DialectError(f"Template {template}: {error}.") from error
    if any(mark in text for mark in _ESCAPED):
        # a value or a name may hold these marks; outside of quotes they mean that plain text was put into marked SQL
        bare = _QUOTED.sub("", text)
        for mark in _ESCAPED:
            if mark in bare:
                raise DialectError(f"Template {template} escaped SQL ({mark}): plain text was put into marked SQL.")
    return text.strip()  # blank lines stay: one may stand inside a literal


def render(template: str, params: Mapping[str, object], dialect: Dialect) -> Rendered:
    """One statement for ``dialect``. The canonical dialect needs no translation and is not parsed again."""
    canonical = canonical_text(template, params, dialect)
    if dialect.canonical:
        return Rendered(template, canonical, canonical)
    from warehouse_drift.sql.transpile import transpile

    return Rendered(template, canonical, transpile(canonical, dialect, template))


@cache
def header(template: str) -> dict[str, str]:
    """The header of a template: purpose, inputs, output, grain, exact."""
    text = template_text(f"{template}.sql.j2") or ""
    found = re.match(r"\s*\{#-?(.*?)-?#\}", text, re.S)
    rows: dict[str, str] = {}
    last = ""
    for line in (found.group(1) if found else "").strip().splitlines():
        key = re.match(r"\s*(purpose|inputs|output|grain|exact):\s*(.*)", line)
        if key:
            last = key.group(1)
            rows[last] = key.group(2).strip()
        elif last:
            rows[last] += " " + line.strip()
    return rows
