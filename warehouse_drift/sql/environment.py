"""The Jinja environment: it can print marked SQL and integers, and nothing else."""

from __future__ import annotations

import hashlib
import math
from datetime import date, datetime, timezone
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import BaseLoader, BytecodeCache, FileSystemBytecodeCache, StrictUndefined, TemplateNotFound, nodes
from jinja2.sandbox import SandboxedEnvironment
from markupsafe import Markup

from warehouse_drift.errors import DialectError
from warehouse_drift.resources import dialect_folders, template_text
from warehouse_drift.sql.dialect import load_dialect


def identifier(name: str) -> Markup:
    """A quoted identifier; a quote inside is doubled. Raises DialectError for an empty name or a NUL character."""
    if not name or "\x00" in name:
        raise DialectError(f"{name!r} is not a usable name.")
    return Markup('"' + name.replace('"', '""') + '"')


def qualified(*parts: str | None) -> Markup:
    """``schema.table`` with every part quoted; empty parts are left out."""
    return Markup(".").join(identifier(p) for p in parts if p)


def text_literal(value: str) -> Markup:
    if "\x00" in value:
        raise DialectError("A text with a NUL character cannot be put into SQL.")
    return Markup("'" + value.replace("'", "''") + "'")


def double_literal(value: float) -> Markup:
    """A literal that every engine reads as the same double: text with all its digits, cast."""
    return Markup(f"CAST('{_digits(value)}' AS DOUBLE)")


def short_double_literal(value: float) -> Markup:
    """The same for DuckDB, which reads a number with an exponent as a double: a third of a long statement's text, and its
    parser takes most of a millisecond a kilobyte."""
    digits = _digits(value).removesuffix(".0")
    digits = digits if "e" in digits else f"{digits}e0"
    return Markup(f"({digits})" if digits.startswith("-") else digits)


def _digits(value: float) -> str:
    if math.isnan(value) or math.isinf(value):
        raise DialectError("NaN and infinity are no literals of a template.")
    return repr(float(value))


def timestamp_literal(value: datetime) -> Markup:
    """A wall-clock (or UTC) instant without zone."""
    if value.tzinfo is not None:
        value = value.astimezone(timezone.utc).replace(tzinfo=None)
    return Markup(f"CAST('{value.isoformat(sep=' ')}' AS TIMESTAMP)")


def timestamptz_literal(value: datetime) -> Markup:
    if value.tzinfo is None:
        value = value.replace(tzinfo=timezone.utc)
    return Markup(
        f"CAST('{value.astimezone(timezone.utc).replace(tzinfo=None).isoformat(sep=' ')}+00:00' AS TIMESTAMPTZ)"
    )


def date_literal(value: date) -> Markup:
    return Markup(f"CAST('{value.isoformat()}' AS DATE)")


def _finalize(value: Any) -> Any:
    if isinstance(value, Markup):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return Markup(str(value))
    raise DialectError(
        f"A template tried to print {type(value).__name__} {value!r} without a filter (ident, text, double, ...)."
    )


class _Loader(BaseLoader):
    def __init__(self, dialect: str | None) -> None:
        self.dialect = dialect

    def get_source(self, environment: Any, template: str) -> tuple[str, str, Any]:
        text = template_text(template, self.dialect)
        if text is None:
            raise TemplateNotFound(template)
        return text, template, lambda: True


class SqlEnvironment(SandboxedEnvironment):
    """Marked SQL joins marked SQL only: ``+`` and ``*`` with anything else are refused when they run, ``~`` when the
    template is read, and methods of texts (``format``, ``join``, ``replace``) are out of reach. What remains is to
    write it down: ``{{ a }} {{ b }}``."""

    intercepted_binops = frozenset(["+", "*", "%"])

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        marked = [isinstance(v, Markup) for v in (left, right)]
        if any(marked) and not (operator == "+" and all(marked)):
            raise DialectError(f"A template used '{operator}' between SQL and {(left if marked[1] else right)!r}.")
        return super().call_binop(context, operator, left, right)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        return not isinstance(obj, str) and super().is_safe_attribute(obj, attr, value)

    def wrap_str_format(self, value: Any) -> None:
        """``format`` of a text is an attribute like any other: out of reach."""

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        if next(tree.find_all(nodes.Concat), None) is not None:
            raise DialectError("'~' prints text as SQL; write the parts one after the other.")
        for output in tree.find_all(nodes.Output):
            for child in output.nodes:  # Jinja marks constants before they reach _finalize
                if isinstance(child, nodes.Const) and type(child.value) is not int:
                    raise DialectError(f"A template prints the constant {child.value!r}; write it without braces.")
        return tree


_KEPT = (
    "length",
    "first",
    "last",
    "list",
    "map",
    "select",
    "selectattr",
    "reject",
    "rejectattr",
    "min",
    "max",
    "sort",
)
"""Filters of Jinja that make no text. Others (safe, e, join, replace, format, tojson, ...) could print some as SQL."""


def _compiled(dialect: str | None) -> BytecodeCache | None:
    """Compiled templates in Jinja's folder of this user, as Python keeps compiled modules: compiling some thirty of them
    would be a tenth of a small ``compare``. Jinja looks at each template's text; what this module does to a template is
    in the name. None where the user has no safe folder."""
    rules = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:12]
    try:
        return FileSystemBytecodeCache(pattern=f"warehouse_drift_{rules}_{dialect or 'canonical'}_%s.cache")
    except (OSError, RuntimeError):
        return None


@cache
def environment(dialect: str | None = None) -> SandboxedEnvironment:
    env = SqlEnvironment(
        loader=_Loader(dialect),
        undefined=StrictUndefined,
        autoescape=True,
        finalize=_finalize,
        keep_trailing_newline=False,
        bytecode_cache=_compiled(dialect),
    )
    env.filters = {name: env.filters[name] for name in _KEPT}
    env.globals = {name: env.globals[name] for name in ("range", "dict", "namespace")}
    env.filters.update(
        ident=identifier,
        text=text_literal,
        double=short_double_literal if dialect in dialect_folders() and load_dialect(dialect).canonical else double_literal,
        timestamp=timestamp_literal,
        timestamptz=timestamptz_literal,
        date=date_literal,
    )
    return env
