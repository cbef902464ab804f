"""Values as they are stored, and as text in SQL: nothing that a text or a double holds is lost on the way."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timezone
from functools import lru_cache
from typing import Any

from markupsafe import Markup

from warehouse_drift.sql.dialect import Dialect
from warehouse_drift.sql.environment import text_literal

Literal = Callable[[Any], Markup]


def stored(value: Any) -> Any:
    """What is stored for a value: numpy scalars as Python's own, instants as naive UTC; NaN and infinity are NULL, and
    a NUL character, which no engine takes, becomes U+FFFD. Enums with a text value are that text."""
    if value is None or type(value) in (bool, int):
        return value
    if isinstance(value, str):
        text = str(getattr(value, "value", value))
        return text.replace("\x00", "\ufffd") if "\x00" in text else text
    if isinstance(value, datetime):
        return value if value.tzinfo is None else value.astimezone(timezone.utc).replace(tzinfo=None)
    if isinstance(value, date):
        return value
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    return value if isinstance(value, (bool, int)) else str(value)


def literals_of(dialect: Dialect) -> Literal:
    """The function that writes a stored value as SQL text. The column's cast gives it its type, so it can be short:
    a double is written with all its digits and an exponent, which makes it exact as DOUBLE and as NUMERIC."""
    quoted = text_literal if dialect.canonical else _quoting(dialect.sqlglot_name)

    def literal(value: Any) -> Markup:
        if value is None:
            return Markup("NULL")
        if isinstance(value, bool):
            return Markup("TRUE" if value else "FALSE")
        if isinstance(value, int):
            return Markup(str(value))
        if isinstance(value, float):
            if value == 0.0 and math.copysign(1.0, value) < 0.0:
                return Markup(f"CAST('-0' AS {dialect.types['double']})")  # NUMERIC has no negative zero
            digits = repr(value)
            return Markup(digits if "e" in digits else digits + "e0")
        return quoted(_text(value))

    return literal


@lru_cache(maxsize=16)
def _quoting(sqlglot_name: str) -> Callable[[str], Markup]:
    """Quotes texts as a grammar wants it: some read a backslash in a literal as an escape."""
    from sqlglot import exp

    @lru_cache(maxsize=4096)
    def quoted(text: str) -> Markup:
        return Markup(exp.Literal.string(text).sql(dialect=sqlglot_name))

    return quoted


def long_text(text: str, dialect: Dialect) -> Markup:
    """A text as the grammar wants it, not kept for another time as ``literals_of`` does."""
    if dialect.canonical:
        return text_literal(text)
    from sqlglot import exp

    return Markup(exp.Literal.string(text).sql(dialect=dialect.sqlglot_name))


def document(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> str:
    """Rows as one JSON text: an object with an array per column, all of the same length. Doubles have all digits."""
    return json.dumps(
        {n: [_json(r[n]) for r in rows] for n in names}, ensure_ascii=False, separators=(",", ":"), allow_nan=False
    )


def _json(value: Any) -> Any:
    return value if value is None or isinstance(value, (bool, int, float)) else _text(value)


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    return value.isoformat() if isinstance(value, date) else str(value)
