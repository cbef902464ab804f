"""The measured columns of a monitor as SQL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from warehouse_drift.config.resolved import Kind, ModelPart, ResolvedColumn, SourceColumn
from warehouse_drift.pipeline.compare import bare_sql, column_sql, present_sql
from warehouse_drift.pipeline.grids import NumericColumn
from warehouse_drift.sql.dialect import Dialect
from warehouse_drift.sql.environment import identifier, text_literal
from warehouse_drift.sql.expressions import expression
from warehouse_drift.sql.render import canonical_text
from warehouse_drift.statistics.registry import NUMERIC

_TEXTS = ("text", "boolean", "integer", "decimal", "float", "date", "timestamp", "timestamptz")
KINDS_OF: dict[Kind, tuple[str, ...]] = {
    Kind.NUMERIC: ("integer", "decimal", "float"),
    Kind.DATETIME: ("date", "timestamp", "timestamptz"),
    Kind.BOOLEAN: ("boolean", "integer", "decimal", "float", "text"),
    Kind.CATEGORICAL: _TEXTS,
    Kind.TEXT: (*_TEXTS, "time"),
}
_NO_MEASURE = ("nested", "binary", "unknown")


@dataclass(frozen=True, slots=True)
class Measured:
    """A column with its number in this run and its SQL (``src`` is the relation)."""

    number: int
    column: ResolvedColumn
    x: Markup

    @property
    def name(self) -> str:
        return self.column.name

    @property
    def is_numeric(self) -> bool:
        return self.column.kind.value in NUMERIC

    @property
    def numeric(self) -> NumericColumn:
        is_float = self.column.type_family == "float" and self.column.kind is Kind.NUMERIC
        family = self.column.type_family
        bare = None if self.column.expression else bare_sql(self.name, self.column.kind, family)
        return NumericColumn(self.number, self.name, self.x, is_float, family in ("integer", "array"), bare)

    @property
    def values(self) -> dict[str, object]:
        """Parameters of ``profile/categorical_cells``."""
        return {
            "number": self.number,
            "x": self.x,
            "values": self.column.store_values and self.column.kind is not Kind.TEXT,
        }


def unsupported(column: ResolvedColumn) -> bool:
    return column.expression is None and column.type_family in _NO_MEASURE and column.kind is not Kind.TEXT


def measure(columns: Sequence[ResolvedColumn], dialect: Dialect, wanted: Sequence[str]) -> tuple[Measured, ...]:
    """The wanted columns, numbered by their place in ``columns``.

    Identifiers and texts are only counted: present or missing. Their values never leave the warehouse.
    """
    found = []
    for number, c in enumerate(columns):
        if c.name not in wanted:
            continue
        if c.model is not None:
            x = _cast(model_sql(c.model), c.kind)
        elif c.expression:
            inner = expression(c.expression, dialect, f"expression of {c.name}")
            x = _cast(Markup("({})").format(inner), c.kind)
        else:
            x = column_sql(c.name, c.kind, c.type_family)
        if c.kind is Kind.TEXT and c.expression is None and c.type_family not in _TEXTS:
            x = present_sql(c.name)
        elif c.kind is Kind.TEXT:
            x = Markup("CASE WHEN {} IS NOT NULL THEN '' END").format(x)
        found.append(Measured(number, c, x))
    return tuple(found)


def model_sql(part: ModelPart) -> Markup:
    """A row's outcome (tp, fp, fn, tn) or absolute error; NULL where the label or the prediction is."""
    label, prediction = (Markup("src.{}").format(identifier(c.name)) for c in (part.label, part.prediction))
    if part.what == "error":
        return Markup("ABS(CAST({} AS DOUBLE) - CAST({} AS DOUBLE))").format(label, prediction)

    def positive(x: Markup, column: SourceColumn) -> Markup:
        if part.positive:
            return Markup("CAST({} AS VARCHAR) = {}").format(x, text_literal(part.positive))
        return x if column.type_family == "boolean" else Markup("{} = 1").format(x)

    sides = {"label": label, "prediction": prediction}
    sides |= {"actual": positive(label, part.label), "said": positive(prediction, part.prediction)}
    return Markup(canonical_text("performance/outcome", sides))


def _cast(x: Markup, kind: Kind) -> Markup:
    if kind is Kind.DATETIME:
        return Markup("CAST(EPOCH(CAST({} AS TIMESTAMP)) AS DOUBLE)").format(x)
    return Markup("CAST({} AS DOUBLE)" if kind is Kind.NUMERIC else "CAST({} AS VARCHAR)").format(x)
