"""Performance of a model between two relations: as it came true, and as its own scores say it should be.

Everything is counted by score inside the warehouse; Python sees one row a chunk, and a few points of the calibration curve.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from markupsafe import Markup

from warehouse_drift.config.resolved import Kind
from warehouse_drift.decisions import performance as rules
from warehouse_drift.decisions import sentences
from warehouse_drift.decisions.library import Library
from warehouse_drift.decisions.model import Decision, Summary, Verdict
from warehouse_drift.errors import UsageError
from warehouse_drift.pipeline.grids import Slice
from warehouse_drift.pipeline.library import Chunks, Judged, chunked, order_of
from warehouse_drift.pipeline.session import Session
from warehouse_drift.pipeline.sides import ComparedColumn, Sides, both_sides
from warehouse_drift.sql.environment import identifier
from warehouse_drift.warehouse.execute import Warehouse

MOST_POINTS = 5_000
"""Points of the calibration curve that come to Python; more are thinned out in the warehouse first."""
ROUNDING = 1e5
"""NannyML rounds running sums of probabilities to five digits."""
MULTIPLIER = 3.0


@dataclass(frozen=True, slots=True)
class Model:
    """Which columns a model is. ``positive``: the text that means 1 where label and prediction are text.

    ``calibrate``: whether scores are calibrated on the reference's labels before performance is estimated from them.
    ``values``: what a true negative, false positive, false negative and true positive is worth.
    """

    label: str
    prediction: str | None = None
    score: str | None = None
    positive: str | None = None
    calibrate: bool = True
    values: tuple[float, float, float, float] | None = None
    task: str = "auto"


@dataclass(frozen=True, slots=True)
class _Value:
    metric: str
    estimated: bool
    chunk: int
    value: float | None
    rows: int
    error: float | None


@dataclass(frozen=True, slots=True)
class _Side:
    confusion: Mapping[int, Mapping[str, Any]]
    realised: Mapping[int, Mapping[str, Any]]
    expected: Mapping[int, Mapping[str, Any]]


def measure_model(
    warehouse: Warehouse,
    reference: str,
    current: str,
    model: Model,
    *,
    owner: Library | None = None,
    chunks: Chunks | None = None,
) -> tuple[list[Judged], list[Judged]]:
    """(current side, the reference's own chunks). With a library that has chunks every chunk is judged: outside of the
    mean of the reference's chunks plus or minus three of their standard deviations is an alert. Otherwise values are
    for information.

    Raises UsageError for a column that does not exist, and for text labels without a positive class.
    """
    sides_of = both_sides(warehouse, reference, current)
    ref, cur = sides_of.reference, sides_of.current
    model = _spelled(model, sides_of)
    by_name = {c.name: c for c in sides_of.columns}
    used = [n for n in (model.label, model.prediction, model.score) if n is not None]
    for name in used:
        if by_name[name].problem and name != model.label:
            raise UsageError(
                f"The model's column {name!r} is not in both relations.", hint=f"Columns: {', '.join(by_name)}."
            )
    if len(used) < 2:
        raise UsageError("Performance needs a prediction or a score beside the label.")
    order = order_of(sides_of, chunks or Chunks()) if owner is not None and owner.chunks else None
    with Session(warehouse) as session:
        slices = [Slice(ref), Slice(cur)]
        if order is not None and owner is not None:
            slices = [chunked(session, s, order, chunks or Chunks(), owner) for s in (ref, cur)]
        has_label = by_name[model.label].problem is None
        if _task(model, by_name) == "regression":
            found = _regression(session, model, slices, has_label)
        else:
            found = _classification(session, model, by_name, slices, has_label, parity=order is not None)
    return _judged(found, model, owner if order is not None else None)


def _spelled(model: Model, sides: Sides) -> Model:
    """The model's columns as the reference spells them."""
    prediction, score = (
        sides.find(n, f"the model's {k}").name if n is not None else None
        for k, n in (("prediction", model.prediction), ("score", model.score))
    )
    return replace(model, label=sides.find(model.label, "the model's label").name, prediction=prediction, score=score)


def _task(model: Model, columns: Mapping[str, ComparedColumn]) -> str:
    if model.task != "auto":
        return model.task
    label = columns[model.label]
    return "regression" if label.kind is Kind.NUMERIC and label.float and model.score is None else "classification"


def _x(name: str | None) -> Markup | None:
    return None if name is None else Markup("src.") + identifier(name)


def _positive(model: Model, column: ComparedColumn | None) -> str | None:
    if column is None or column.kind is Kind.NUMERIC:
        return None
    if column.kind is Kind.BOOLEAN:
        return "true"
    if model.positive is None:
        raise UsageError(f"{column.name} is text: which value is the positive class?", hint="Name it with --positive.")
    return model.positive


def _by_chunk(rows: Sequence[Mapping[str, Any]]) -> dict[int, Mapping[str, Any]]:
    return {int(r["chunk_no"]): r for r in rows}


def _classification(
    session: Session,
    model: Model,
    columns: Mapping[str, ComparedColumn],
    slices: Sequence[Slice],
    has_label: bool,
    *,
    parity: bool,
) -> tuple[list[_Value], list[_Value]]:
    scores = []
    for i, where in enumerate(slices):
        scores.append(
            session.scratch(
                "scores",
                "performance/scores",
                source=where.source,
                filter=where.filter,
                bucket=where.bucket,
                score=_x(model.score),
                predicted=_x(model.prediction),
                actual=_x(model.label) if i == 0 or has_label else None,
                positive={
                    "predicted": _positive(model, columns.get(model.prediction or "")),
                    "actual": _positive(model, columns[model.label]),
                },
            )
        )
    fit: list[rules.Piece] = []
    if model.score is not None and model.calibrate:
        fit = calibration(session, scores[0])
    sides = [_side(session, s, fit, model.score is not None, parity) for s in scores]
    whole = [int(r[k] or 0) for r in sides[0].confusion.values() for k in ("tp", "fp", "fn", "tn")]
    reference = rules.Confusion(*(float(sum(whole[i::4])) for i in range(4)))
    place = session.rows("performance/placement", scores=scores[0])[0] if model.score is not None else None
    return (
        _values(sides[1], model, reference, place),
        _values(sides[0], model, reference, place),
    )


def calibration(session: Session, scores: Markup) -> list[rules.Piece]:
    """The isotonic fit of the reference's labels on its scores, as pieces of a function."""
    points = session.scratch("points", "performance/calibration_points", scores=scores)
    count = int(session.rows("performance/point_count", points=points)[0]["n"])
    while count > MOST_POINTS:
        fewer = session.scratch("points", "performance/convex_points", points=points)
        left = int(session.rows("performance/point_count", points=fewer)[0]["n"])
        points, done, count = fewer, left == count, left
        if done:
            break
    rows = session.rows("performance/points", points=points)
    if len(rows) < 2:
        return []
    return rules.pieces(rules.hull([(int(r["seen"]), int(r["hits"]), r["score"], r["next_score"]) for r in rows]))


def _side(session: Session, scores: Markup, fit: Sequence[rules.Piece], scored: bool, parity: bool) -> _Side:
    table = session.scratch("scored", "performance/calibrated", scores=scores, pieces=list(fit))
    confusion = _by_chunk(session.rows("performance/confusion", scored=table))
    if not scored:
        return _Side(confusion, {}, {})
    steps = ROUNDING if parity else None
    return _Side(
        confusion,
        _by_chunk(session.rows("performance/ranking", scored=table, expected=False, steps=None)),
        _by_chunk(session.rows("performance/ranking", scored=table, expected=True, steps=steps)),
    )


def _values(side: _Side, model: Model, reference: rules.Confusion, place: Mapping[str, Any] | None) -> list[_Value]:
    found: list[_Value] = []
    for chunk, row in sorted(side.confusion.items()):
        both: list[tuple[bool, rules.Confusion, int]] = []
        if model.prediction is not None:
            known = [float(row[k] or 0) for k in ("tp", "fp", "fn", "tn")]
            both.append((False, rules.Confusion(*known), int(row["known"])))
            if model.score is not None:
                likely = [float(row[f"expected_{k}"] or 0.0) for k in ("tp", "fp", "fn", "tn")]
                both.append((True, rules.Confusion(*likely), int(row["expected_rows"])))
        for estimated, confusion, rows in both:
            for metric, value in rules.metrics(confusion, model.values).items():
                error = rules.sampling_error(metric, reference, rows, model.values)
                found.append(_Value(metric, estimated, chunk, value if rows else None, rows, error))
        for estimated, ranked in ((False, side.realised), (True, side.expected)):
            if model.score is None:
                continue
            one: Mapping[str, Any] = ranked.get(chunk, {})
            rows = int(row["scored_rows"] if estimated else row["labelled"])
            for metric in rules.RANKING:
                error = rules.auc_sampling_error(place, rows) if metric == "roc_auc" and place is not None else None
                found.append(_Value(metric, estimated, chunk, one.get(metric), rows, error))
    return found


def _regression(
    session: Session, model: Model, slices: Sequence[Slice], has_label: bool
) -> tuple[list[_Value], list[_Value]]:
    sides: list[list[_Value]] = []
    for i, where in enumerate(slices):
        values: list[_Value] = []
        if i == 0 or has_label:
            rows = session.rows(
                "performance/regression",
                source=where.source,
                filter=where.filter,
                bucket=where.bucket,
                predicted=_x(model.prediction),
                actual=_x(model.label),
            )
            for row in sorted(rows, key=lambda r: int(r["chunk_no"])):
                n = int(row["n"])
                for metric, (value, spread) in rules.regression(row).items():
                    error = None if spread is None else spread / n**0.5
                    values.append(_Value(metric, False, int(row["chunk_no"]), value, n, error))
        sides.append(values)
    return sides[1], sides[0]


def _judged(
    found: tuple[list[_Value], list[_Value]], model: Model, owner: Library | None
) -> tuple[list[Judged], list[Judged]]:
    """Values with their limits. Those of estimates come from what came true in the reference's chunks."""
    current, own = found
    limits: dict[str, tuple[float | None, float | None]] = {}
    means: dict[tuple[str, bool], float | None] = {}
    for metric in dict.fromkeys(v.metric for v in own):
        came_true = [v.value for v in own if v.metric == metric and not v.estimated]
        limits[metric] = rules.limits(metric, came_true, MULTIPLIER) if owner is not None else (None, None)
        for estimated in (False, True):
            seen = [v.value for v in own if (v.metric, v.estimated) == (metric, estimated) and v.value is not None]
            means[metric, estimated] = sum(seen) / len(seen) if seen else None
    rows_of = {(v.metric, v.estimated): 0 for v in own}
    for v in own:
        rows_of[v.metric, v.estimated] += v.rows
    sides = []
    for values, period in ((current, "analysis" if owner else "current"), (own, "reference")):
        sides.append(
            [
                _decide(
                    v,
                    model,
                    owner,
                    limits.get(v.metric, (None, None)),
                    means.get((v.metric, v.estimated)),
                    rows_of,
                    period,
                )
                for v in values
            ]
        )
    return sides[0], sides[1]


def _decide(
    v: _Value,
    model: Model,
    owner: Library | None,
    limits: tuple[float | None, float | None],
    mean: float | None,
    rows_of: Mapping[tuple[str, bool], int],
    period: str,
) -> Judged:
    lower, upper = limits
    ranked = v.metric in rules.RANKING
    column = (model.score if ranked else model.prediction) or model.label
    statistic = f"estimated_{v.metric}" if v.estimated else v.metric
    code = None if v.value is not None else "no_data" if not v.rows else "not_computable"
    summary = Summary(
        "all", None, None, column, "numeric", "score" if ranked else "prediction", statistic, v.value, v.value, v.value,
        rows_of.get((v.metric, v.estimated), 0), v.rows, expected=mean, reason_code=code,
    )  # fmt: skip
    who = sentences.subject(summary)
    seen = f"{sentences.title(statistic)} is {sentences.number(v.value)}" if v.value is not None else ""
    if mean is not None and v.value is not None:
        seen += f" ({sentences.number(mean)} in the reference)"
    if v.value is None:
        verdict, why = Verdict.NONE, sentences.REASONS[code or "no_data"]
    elif owner is None or lower is None or upper is None:
        verdict, why = Verdict.NOT_JUDGED, f"{seen}; stored for information, no limit is set for it"
    else:
        outside = v.value < lower or v.value > upper
        verdict = Verdict.ALERT if outside else Verdict.OK
        why = f"{seen}, {'outside' if outside else 'within'} {sentences.number(lower)} to {sentences.number(upper)}"
    source = (
        "not judged"
        if owner is None
        else f"preset {owner.name} ({owner.title}: mean +- 3 deviations of what came true in the reference chunks)"
    )
    decision = Decision(summary, verdict, verdict, "exact", None, None, None, upper, source, code, f"{who}: {why}.")
    low, high = rules.band(v.metric, v.value, v.error)
    return Judged(decision, v.chunk if owner is not None else None, period, None, None, lower, (v.error, low, high))


__all__ = ["Model", "calibration", "measure_model"]
