"""A monitor's model: metrics of every window against numpy and SciPy on the rows, limits, late labels, segments."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from warehouse_drift import verbs_run
from warehouse_drift.config.load import load_config
from warehouse_drift.config.resolve import resolve_monitor
from warehouse_drift.config.resolved import SourceColumn

FIRST, DAYS, BASELINE, WORSE, A_DAY = datetime(2025, 1, 6), 18, 10, 13, 300
"""The model gets worse on day 13; the labels of days 15 and later come after the first run."""
LATE = 15


@dataclass(frozen=True)
class Ran:
    folder: Path
    day: Any
    place: Any
    said: Any
    truth: Any
    guess: Any
    real: Any

    def rows(self, sql: str) -> list[dict[str, Any]]:
        with duckdb.connect(str(self.folder / "x.duckdb")) as c:
            done = c.execute(sql)
            names = [d[0] for d in done.description or ()]
            return [dict(zip(names, r, strict=True)) for r in done.fetchall()]

    def metric(self, monitor: str, statistic: str, segment: str = "all") -> dict[int, dict[str, Any]]:
        """Day of the table -> row of the history."""
        found = self.rows(
            f"SELECT * FROM drift.drift_history WHERE monitor = '{monitor}' AND column_name = ':table' AND statistic = '{statistic}' AND segment = '{segment}'"
        )
        return {(r["window_start"] - FIRST).days: r for r in found}

    def run(self) -> None:
        done = verbs_run.run(str(self.folder / "drift.yml"))
        assert [m.failed for m in done.monitors] == ["", "", ""]

    def counts(self, days: Any) -> tuple[int, int, int, int]:
        """tp, fp, fn, tn of some rows."""
        said, truth = self.said[days], self.truth[days]
        return tuple(int(np.sum((said == a) & (truth == b))) for a, b in ((1, 1), (1, 0), (0, 1), (0, 0)))  # type: ignore[return-value]


def config(folder: Path) -> dict[str, Any]:
    common = {
        "relation": "t",
        "timestamp": {"column": "ts", "late": 3},
        "columns": ["place"],
        "baseline": {"from": str(FIRST.date()), "to": str((FIRST + timedelta(days=BASELINE)).date())},
    }
    return {
        "version": 1,
        "project": "p",
        "warehouse": {"url": f"duckdb:///{folder / 'x.duckdb'}"},
        "monitors": [
            common | {"name": "classes", "segments": ["place"], "model": {"label": "truth", "prediction": "said", "task": "classification"}},
            common | {"name": "words", "model": {"label": "word", "prediction": "said", "task": "classification", "positive": "true"}},
            common | {"name": "numbers", "model": {"label": "real", "prediction": "guess", "task": "regression"}},
        ],
    }


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    folder = tmp_path_factory.mktemp("model")
    rng = np.random.default_rng(5)
    n = DAYS * A_DAY
    day = np.repeat(np.arange(DAYS), A_DAY)
    said = (rng.random(n) < 0.3).astype(int)
    wrong = rng.random(n) < np.where(day < WORSE, 0.1, 0.35)
    truth = np.where(wrong, 1 - said, said)
    guess = rng.normal(50, 10, n)
    real = guess + rng.normal(0, np.where(day < WORSE, 2.0, 5.0))
    made = Ran(folder, day, np.where(np.arange(n) % 3 == 0, "x", "y"), said, truth, guess, real)
    with duckdb.connect(str(folder / "x.duckdb")) as c:
        c.execute("CREATE TABLE t (i INTEGER, ts TIMESTAMP, place VARCHAR, said BOOLEAN, truth INTEGER, word VARCHAR, guess DOUBLE, real DOUBLE)")
        listed: list[Any] = [
            (i, FIRST + timedelta(days=int(d), seconds=int(i % A_DAY)), p, bool(s), int(t), "true" if t else "false", float(g), float(r))
            for i, (d, p, s, t, g, r) in enumerate(zip(day, made.place, said, truth, guess, real, strict=True))
        ]
        listed.append((n, FIRST + timedelta(days=DAYS), "x", None, None, None, None, None))  # a day is whole once a newer row exists
        frame = pd.DataFrame(listed, columns=["i", "ts", "place", "said", "truth", "word", "guess", "real"], dtype=object)  # noqa: F841
        c.execute("INSERT INTO t SELECT i, ts, place, said, truth, word, guess, real FROM frame")
        c.execute("CREATE TABLE labels AS SELECT i, truth, word, real FROM t")
        c.execute(f"UPDATE t SET truth = NULL, word = NULL, real = NULL WHERE ts >= TIMESTAMP '{FIRST + timedelta(days=LATE)}'")
    (folder / "drift.yml").write_text(json.dumps(config(folder)), encoding="utf-8")
    made.run()
    yield made


@pytest.fixture(scope="module")
def complete(ran: Ran) -> Ran:
    """After the labels came, and a second run."""
    before = ran.metric("classes", "accuracy")
    assert {d: r["reason_code"] for d, r in before.items() if d >= LATE} == {d: "immature" for d in range(LATE, DAYS)}
    assert all(r["value"] is None and r["decision"] == "none" for d, r in before.items() if d >= LATE)
    with duckdb.connect(str(ran.folder / "x.duckdb")) as c:
        c.execute("UPDATE t SET truth = l.truth, word = l.word, real = l.real FROM labels AS l WHERE l.i = t.i")
    ran.run()
    return ran


def shares(tp: int, fp: int, fn: int, tn: int) -> dict[str, tuple[float, int, int]]:
    """metric -> (value, hits, rows that matter)"""
    return {
        "accuracy": ((tp + tn) / (tp + fp + fn + tn), tp + tn, tp + fp + fn + tn),
        "precision": (tp / (tp + fp), tp, tp + fp),
        "recall": (tp / (tp + fn), tp, tp + fn),
        "specificity": (tn / (tn + fp), tn, tn + fp),
        "f1": (2 * tp / (2 * tp + fp + fn), tp, tp + fp + fn),
    }


@pytest.mark.parametrize("monitor", ["classes", "words"])
def test_metrics_of_two_classes(complete: Ran, monitor: str) -> None:
    base = shares(*complete.counts(complete.day < BASELINE))
    for metric, (expected, hits_r, n_r) in base.items():
        found = complete.metric(monitor, metric)
        assert sorted(found) == list(range(BASELINE, DAYS))
        for d, row in found.items():
            value, hits, n = shares(*complete.counts(complete.day == d))[metric]
            assert row["value"] == pytest.approx(value, rel=1e-12)
            assert (row["n_current"], row["n_reference"]) == (n, n_r)
            if metric != "f1":
                pooled = (hits + hits_r) / (n + n_r)
                z = (value - expected) / math.sqrt(pooled * (1 - pooled) * (1 / n + 1 / n_r))
                assert row["p_value"] == pytest.approx(2 * stats.norm.sf(abs(z)), rel=1e-6)
            if metric in ("accuracy", "recall"):
                # 2 of 3: the first bad day warns until the second
                assert row["decision"] == ("alert" if d > WORSE else "warn" if d == WORSE else "ok"), (d, metric, row["reason"])
            elif metric in ("specificity", "f1"):
                assert row["decision"] == "not_judged"


def test_segments(complete: Ran) -> None:
    for place in "xy":
        for d, row in complete.metric("classes", "accuracy", f"place={place}").items():
            value = shares(*complete.counts((complete.day == d) & (complete.place == place)))["accuracy"][0]
            assert row["value"] == pytest.approx(value, rel=1e-12) and row["segment_value"] == place
            assert row["decision"] in ("ok", "warn")  # segments warn at most


def test_errors_of_a_regression(complete: Ran) -> None:
    errors = np.abs(complete.real - complete.guess)
    base = errors[complete.day < BASELINE]
    for d, row in complete.metric("numbers", "mae").items():
        now = errors[complete.day == d]
        assert row["value"] == pytest.approx(now.mean(), rel=1e-9)
        assert row["p_value"] == pytest.approx(stats.ttest_ind(now, base, equal_var=False).pvalue, rel=1e-6, abs=1e-300)
        assert row["decision"] == ("alert" if d > WORSE else "warn" if d == WORSE else "ok")
    for d, row in complete.metric("numbers", "rmse").items():
        assert row["value"] == pytest.approx(math.sqrt(np.mean(errors[complete.day == d] ** 2)), rel=1e-9)
        assert row["decision"] == "not_judged"


def test_an_incident_and_its_sentence(complete: Ran) -> None:
    (incident,) = complete.rows("SELECT * FROM drift.drift_alerts WHERE monitor = 'numbers' AND column_name = ':table'")
    assert incident["statistic"] == "mae" and incident["state"] == "open"
    base, worst = np.abs(complete.real - complete.guess)[complete.day < BASELINE].mean(), incident["peak_value"]
    said = f"The table: mean absolute error is {worst:.4g}, {100 * (worst / base - 1):.3g} % above the reference's {base:.4g}, at or above the alert limit 0.25"
    assert incident["peak_reason"].startswith(said)


def resolved(**model: Any) -> list[str]:
    """What is wrong with a model whose relation has these columns."""
    columns = [
        SourceColumn(n, f, f) for n, f in (("ts", "timestamp"), ("place", "text"), ("truth", "integer"), ("said", "boolean"), ("word", "text"), ("real", "float"))
    ]
    body = config(Path("."))
    body["monitors"] = [body["monitors"][0] | {"segments": [], "model": model}]
    _, problems = resolve_monitor(loaded := _loaded(body), loaded.monitors[0], columns)
    return [p.message for p in problems]


def _loaded(body: dict[str, Any]) -> Any:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "drift.yml"
        path.write_text(json.dumps(body), encoding="utf-8")
        return load_config(str(path), env={})


def test_what_can_be_wrong() -> None:
    assert resolved(label="truth", prediction="said", task="classification") == []
    (said,) = resolved(label="word", prediction="said", task="classification")
    assert "positive class" in said
    (said,) = resolved(label="real", prediction="word", task="regression")
    assert "needs numbers" in said
    (said,) = resolved(label="trut", prediction="said", task="classification")
    assert "'trut'" in said and "truth" in said
