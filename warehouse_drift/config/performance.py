"""A monitor's ``model:`` as a column that its performance is measured on, and the limits of the metrics. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from warehouse_drift.config.limits import Place, limits
from warehouse_drift.config.model import ModelConfig
from warehouse_drift.config.resolved import Kind, ModelPart, ResolvedColumn, Role, SourceColumn, Threshold
from warehouse_drift.config.yaml_lines import Path
from warehouse_drift.statistics.registry import ERRORS, OUTCOMES

NAMES = {"outcome": "model_outcome", "error": "model_error"}
_NUMBERS = ("integer", "decimal", "float")
_CLASSES = ("boolean", "text", *_NUMBERS)


def model_column(
    model: ModelConfig,
    find: Callable[[str], SourceColumn | None],
    lack: Callable[[Path, str, str], None],
    report: Callable[..., None],
) -> tuple[ResolvedColumn, bool]:
    """(the column, whether the relation has what it is made of). ``report``: (path, sentence); ``lack`` (path,
    what, name) reports a column that the relation lacks."""
    what = "outcome" if model.task == "classification" else "error"
    found: list[SourceColumn] = []
    for key, name in (("label", model.label), ("prediction", model.prediction)):
        column = find(name)
        if column is None:
            lack(("model", key), f"the {key} column", name)
            continue
        found.append(column)
        if what == "error" and column.type_family not in _NUMBERS:
            report(("model", key), f"{column.name!r} is {column.data_type}; a regression needs numbers")
        elif what == "outcome" and column.type_family not in _CLASSES:
            report(("model", key), f"{column.name!r} is {column.data_type}, which holds no classes")
        elif what == "outcome" and column.type_family == "text" and model.positive is None:
            report(("model", key), f"{column.name!r} is text: say which value is the positive class, as positive: yes")
    described = f"{what} of {model.label} and {model.prediction}" + (f", positive {model.positive}" if model.positive else "")
    part = ModelPart(what, found[0], found[1], model.positive or "") if len(found) == 2 else None
    kind = Kind.CATEGORICAL if what == "outcome" else Kind.NUMERIC
    return ResolvedColumn(
        name=NAMES[what],
        kind=kind,
        role=Role.LABEL,
        data_type="expression",
        type_family="text" if what == "outcome" else "float",
        expression=described,
        model=part,
    ), part is not None


def table_limits(places: Sequence[Place], model: ModelConfig | None) -> dict[str, Threshold]:
    """Limits of the rows of the table: of its number of rows, and of a model's metrics where there is a model."""
    found = limits("table", places, ("row_count",))
    if model is not None:
        found |= limits("model", places, OUTCOMES if model.task == "classification" else ERRORS)
    return found
