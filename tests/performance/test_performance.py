"""Performance and reconstruction against independent answers on the raw rows (SciPy, numpy)."""

from __future__ import annotations

import json

import duckdb
import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.optimize import isotonic_regression
from typer.testing import CliRunner

from warehouse_drift import api
from warehouse_drift.cli import app
from warehouse_drift.decisions.ranking import by_alerts, by_performance
from warehouse_drift.errors import UsageError
from warehouse_drift.pipeline import performance
from warehouse_drift.pipeline.library import Chunks


def model_rows(rng: np.random.Generator, n: int, worse: float) -> pd.DataFrame:
    x = rng.normal(size=n)
    score = np.round(1 / (1 + np.exp(-1.5 * x - worse * rng.normal(size=n))), 3)  # ties
    label = (rng.random(n) < 1 / (1 + np.exp(-1.2 * x))).astype(int)
    frame = pd.DataFrame({"row": np.arange(n), "x": x, "score": score, "predicted": (score > 0.5).astype(int), "label": label})
    frame["paid"] = frame["label"].map({0: "no", 1: "yes"})
    frame["said"] = frame["predicted"].map({0: "no", 1: "yes"})
    frame["amount"], frame["forecast"] = np.exp(x), np.exp(x + 0.1 * rng.normal(size=n))
    frame["city"] = np.where(rng.random(n) < 0.1, None, np.where(x > 0, "a", "b"))
    return frame


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, pd.DataFrame, pd.DataFrame]:
    rng = np.random.default_rng(5)
    before, now = model_rows(rng, 2000, 0.0), model_rows(rng, 1000, 2.0)
    file = tmp_path_factory.mktemp("model") / "m.duckdb"
    with duckdb.connect(str(file)) as connection:
        for name, frame in (("r", before), ("c", now)):
            connection.register("frame", frame)
            connection.execute(f"CREATE TABLE {name} AS SELECT * FROM frame")
            connection.unregister("frame")
        connection.execute("CREATE TABLE unlabelled AS SELECT * EXCLUDE (label) FROM c")
    return f"duckdb:///{file}", before, now


def told(result: api.CompareResult, chunk: int | None = None) -> dict[str, dict[str, object]]:
    return {r["statistic"]: r for r in result.rows if r["role"] in ("score", "prediction") and r.get("chunk") == chunk}


def auc(score: pd.Series, label: pd.Series) -> float:
    ones, zeros = score[label == 1], score[label == 0]
    return float(stats.mannwhitneyu(ones, zeros).statistic / len(ones) / len(zeros))


def average_precision(score: pd.Series, label: pd.Series) -> float:
    cuts = sorted(set(score), reverse=True)
    caught = np.array([((score >= c) & (label == 1)).sum() for c in cuts])
    seen = np.array([(score >= c).sum() for c in cuts])
    return float(np.sum(np.diff(caught / caught[-1], prepend=0.0) * caught / seen))


def test_realised_performance_is_that_of_the_rows(model: tuple[str, pd.DataFrame, pd.DataFrame]) -> None:
    url, _, now = model
    found = told(api.compare(url, "r", "c", columns=["x"], model=api.Model("label", "predicted", "score")))
    hit = now.predicted == now.label
    assert found["accuracy"]["value"] == hit.mean()
    assert found["precision"]["value"] == hit[now.predicted == 1].mean()
    assert found["recall"]["value"] == hit[now.label == 1].mean()
    assert found["specificity"]["value"] == hit[now.label == 0].mean()
    p, r = found["precision"]["value"], found["recall"]["value"]
    assert found["f1"]["value"] == pytest.approx(2 * p * r / (p + r), rel=1e-12)
    assert found["roc_auc"]["value"] == pytest.approx(auc(now.score, now.label), rel=1e-12)
    assert found["average_precision"]["value"] == pytest.approx(average_precision(now.score, now.label), rel=1e-12)
    assert {r["decision"] for r in found.values()} == {"not_judged"}


@pytest.mark.parametrize("most", [5_000, 20])
def test_estimates_come_from_the_isotonic_fit_of_the_reference(
    model: tuple[str, pd.DataFrame, pd.DataFrame], most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when the curve is thinned out inside the warehouse first."""
    monkeypatch.setattr(performance, "MOST_POINTS", most)
    url, before, now = model
    found = told(api.compare(url, "r", "unlabelled", columns=["x"], model=api.Model("label", "predicted", "score")))
    grouped = before.groupby("score").label.agg(["mean", "size"])
    fit = isotonic_regression(grouped["mean"], weights=grouped["size"]).x
    p = np.interp(now.score, grouped.index, fit)
    assert found["estimated_accuracy"]["value"] == pytest.approx(np.where(now.predicted == 1, p, 1 - p).mean(), rel=1e-9)
    assert found["estimated_recall"]["value"] == pytest.approx(p[now.predicted == 1].sum() / p.sum(), rel=1e-9)
    assert found["accuracy"]["value"] is None and found["accuracy"]["reason_code"] == "no_data"


def test_text_labels_need_their_positive_class(model: tuple[str, pd.DataFrame, pd.DataFrame]) -> None:
    url, _, now = model
    with pytest.raises(UsageError, match="positive"):
        api.compare(url, "r", "c", columns=["x"], model=api.Model("paid", "said"))
    found = told(api.compare(url, "r", "c", columns=["x"], model=api.Model("paid", "said", positive="yes")))
    assert found["recall"]["value"] == (now.said == "yes")[now.paid == "yes"].mean()
    with pytest.raises(UsageError, match="not in the two relations"):
        api.compare(url, "r", "c", model=api.Model("label", "nothing"))


def test_regression_errors(model: tuple[str, pd.DataFrame, pd.DataFrame]) -> None:
    url, _, now = model
    result = api.compare(
        url, "r", "c", columns=["x"], preset="nannyml", chunks=Chunks("row", 500), model=api.Model("amount", "forecast")
    )
    found = told(result, 1)
    part = now[500:]
    error = part.amount - part.forecast
    assert found["mae"]["value"] == pytest.approx(error.abs().mean(), rel=1e-12)
    assert found["mape"]["value"] == pytest.approx((error.abs() / part.amount).mean(), rel=1e-12)
    assert found["rmse"]["value"] == pytest.approx(np.sqrt((error**2).mean()), rel=1e-12)
    assert found["rmsle"]["value"] == pytest.approx(np.sqrt(((np.log1p(part.amount) - np.log1p(part.forecast)) ** 2).mean()), rel=1e-9)
    assert found["mae"]["sampling_error"] == pytest.approx(error.abs().std(ddof=0) / np.sqrt(500), rel=1e-9)


def test_columns_together_are_rebuilt_from_the_main_directions(model: tuple[str, pd.DataFrame, pd.DataFrame]) -> None:
    url, before, now = model
    names = ["x", "score", "amount", "city"]
    result = api.compare(url, "r", "c", columns=names, preset="nannyml", chunks=Chunks("row", 500), together=True)
    share = before.city.fillna(before.city.mode()[0]).value_counts(normalize=True)

    def encoded(frame: pd.DataFrame) -> np.ndarray:
        city = frame.city.fillna(before.city.mode()[0]).map(share)
        return np.column_stack([frame.x, frame.score, frame.amount, city])

    base = encoded(before)
    z = (base - base.mean(axis=0)) / base.std(axis=0)
    _, sizes, directions = np.linalg.svd(z - z.mean(axis=0), full_matrices=False)
    kept = int(np.argmax(np.cumsum(sizes**2) / np.sum(sizes**2) > 0.65)) + 1
    new = (encoded(now)[:500] - base.mean(axis=0)) / base.std(axis=0)
    left = new - new @ directions[:kept].T @ directions[:kept]
    (row,) = [r for r in result.rows if r["statistic"] == "reconstruction_error" and r["chunk"] == 0]
    assert row["value"] == pytest.approx(np.linalg.norm(left, axis=1).mean(), rel=1e-9)
    assert row["column_name"] == ":table" and row["decision"] in ("ok", "alert")
    with pytest.raises(UsageError, match="in chunks only"):
        api.compare(url, "r", "c", columns=names, together=True)


def test_the_command_line_shows_a_model_that_decays(model: tuple[str, pd.DataFrame, pd.DataFrame]) -> None:
    url, _, _ = model
    args = ["compare", "--url", url, "--reference", "r", "--current", "c", "--columns", "x", "--format", "json"]
    args += ["--preset", "nannyml", "--order-by", "row", "--chunk-size", "250"]
    found = CliRunner().invoke(app, [*args, "--label", "label", "--prediction", "predicted", "--score", "score"])
    rows = [r for r in json.loads(found.output)["rows"] if r["statistic"] == "roc_auc"]
    assert found.exit_code == 1
    assert [r["decision"] for r in rows] == ["alert"] * 4
    assert all("outside" in r["reason"] and r["band_lower"] < r["value"] < r["band_upper"] for r in rows)
    assert isinstance(CliRunner().invoke(app, [*args, "--score", "score"]).exception, UsageError)


def test_rankings() -> None:
    rows = [
        {"column_name": c, "chunk": i, "value": v, "decision": "alert" if v > 2 else "ok"}
        for c, values in (("a", (1.0, 2.0, 3.0)), ("b", (3.0, 1.0, 2.0)), ("c", (1.0, 1.0, 1.0)))
        for i, v in enumerate(values)
    ]
    assert [r["column_name"] for r in by_alerts(rows)] == ["b", "a", "c"]
    found = by_performance(rows, {0: 0.9, 1: 0.8, 2: 0.5}, 0.9)
    assert [r["column_name"] for r in found] == ["a", "b", "c"]
    truth = stats.pearsonr([1, 2, 3], [0.0, 0.1, 0.4])
    assert found[0]["pearsonr_correlation"] == pytest.approx(truth[0]) and found[0]["pearsonr_pvalue"] == pytest.approx(truth[1])
    assert found[2]["pearsonr_correlation"] is None

