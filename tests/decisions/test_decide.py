"""Every rule of a decision, one at a time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from warehouse_drift.config.resolved import DatasetRule, Threshold
from warehouse_drift.decisions.decide import Rules, column_state, decide, needs_refinement
from warehouse_drift.decisions.model import Decision, Summary, Verdict
from warehouse_drift.decisions.sentences import REASONS, headline, run_counts
from warehouse_drift.decisions.thresholds import effective, effects, enough_rows, judged_defaults, needed_rows, preset
from warehouse_drift.errors import UsageError

LIMITS = {("a", s): Threshold(w, x, auto=False) for s, w, x in [("psi", 0.1, 0.25), ("ks", 0.05, 0.1), ("missing_rate_change", 0.02, 0.05), ("unseen_rate", 0.01, 0.05)]}  # fmt: skip
LIMITS[":table", "row_count"] = Threshold(0.5, 1.0)
RULES = Rules(LIMITS)


def summary(
    statistic: str, value: float | None, low: float | None = None, high: float | None = None, **more: Any
) -> Summary:
    given: dict[str, Any] = {"segment": "all", "segment_column": None, "segment_value": None, "column_name": "a", "column_kind": "numeric", "role": "feature", "n_reference": 5000, "n_current": 5000}  # fmt: skip
    return Summary(**(given | {"statistic": statistic, "value": value, "lower": value if low is None else low, "upper": value if high is None else high} | more))  # fmt: skip


def psi(value: float, **more: Any) -> Summary:
    return summary("psi", value, **({"bins": 10, "test_value": 900.0, "test_df": 9.0} | more))


def one(s: Summary, rules: Rules = RULES, **more: Any) -> Decision:
    return decide([s], rules, **more)[0]


@pytest.mark.parametrize(("value", "verdict"), [(0.05, "ok"), (0.1, "warn"), (0.2, "warn"), (0.25, "alert")])
def test_effect(value: float, verdict: str) -> None:
    assert one(psi(value)).verdict.value == verdict


def test_evidence_is_a_gate_and_never_a_trigger() -> None:
    weak = one(psi(0.4, test_value=9.0))
    assert (weak.verdict, weak.reason_code) == (Verdict.OK, "no_evidence")
    assert one(psi(0.01)).verdict is Verdict.OK
    assert one(psi(0.4, test_value=None, test_df=None)).verdict is Verdict.ALERT


def test_family_adjusts_only_what_is_judged() -> None:
    p_002 = psi(0.4, test_value=26.0)
    assert decide([p_002], RULES)[0].verdict is Verdict.ALERT
    noise = [psi(0.01, test_value=9.0, segment=f"s={i}") for i in range(20)]
    assert decide([p_002, *noise], RULES)[0].reason_code == "no_evidence"
    stored = [psi(0.01, test_value=9.0, column_name="z", segment=f"s={i}") for i in range(20)]
    assert decide([p_002, *stored], RULES)[0].verdict is Verdict.ALERT


def test_intervals() -> None:
    assert one(summary("ks", 0.02, 0.02, 0.04)).verdict is Verdict.OK
    assert one(summary("ks", 0.2, 0.2, 0.3)).verdict is Verdict.ALERT
    open_one = summary("ks", 0.04, 0.04, 0.2)
    decision = one(open_one)
    assert (decision.verdict, decision.reason_code) == (Verdict.NONE, "not_refinable")
    assert "0.04" in decision.reason and "0.2" in decision.reason
    assert needs_refinement([open_one, summary("ks", 0.02, 0.02, 0.04, segment="x=1")], RULES) == [("all", "a", "ks")]
    moved = summary("ks", 0.04, 0.04, 0.2, reason_code="source_changed")
    assert one(moved).reason_code == "source_changed" and not needs_refinement([moved], RULES)
    assert one(summary("ks", 0.2, 0.2, 0.3, reason_code="source_changed")).verdict is Verdict.ALERT


def test_a_wide_p_that_sways_another_decision_is_refined() -> None:
    swayed = psi(0.4, test_value=23.0)  # p about 0.006: below the gate only if the other one counts too
    other = summary("ks", 0.02, 0.02, 0.045, n_reference=4000, n_current=4000, segment="x=1")
    assert decide([swayed, other], RULES)[0].reason_code == "not_refinable"
    assert needs_refinement([swayed, other], RULES) == [("x=1", "a", "ks")]


def test_rates_and_rows() -> None:
    assert one(summary("missing_rate_change", -0.06, test_value=10.0, test_df=310.0)).verdict is Verdict.ALERT
    unseen = summary("unseen_rate", 0.07, test_value=350.0, test_df=20.0, expected=0.004)
    assert effects(unseen) == pytest.approx((0.066,) * 3) and one(unseen).verdict is Verdict.ALERT
    for ratio, verdict in [(1.2, "ok"), (0.6, "warn"), (0.5, "alert"), (2.0, "alert"), (0.0, "alert")]:
        assert one(summary("row_count", ratio, column_name=":table")).verdict.value == verdict


def test_too_few_rows_name_the_number_needed() -> None:
    small = one(psi(0.4, n_reference=60, n_current=60, bins=2))
    assert (small.verdict, small.reason_code) == (Verdict.NONE, "insufficient") and "300" in small.reason
    need = needed_rows(2, 60, 0.1)
    assert need == 300 and enough_rows(2, 60, need, 0.1) and not enough_rows(2, 60, need - 1, 0.1)
    assert needed_rows(2, 40, 0.1) is None
    segment = psi(0.01, segment="x=1", segment_column="x", segment_value="1")
    assert one(segment, Rules(LIMITS, min_rows={"x": 6000})).reason_code == "insufficient"


def test_segments_warn_unless_listed() -> None:
    s = psi(0.4, segment="x=1", segment_column="x", segment_value="1")
    assert (one(s).verdict, one(s).reason_code) == (Verdict.WARN, "segment")
    assert one(s, Rules(LIMITS, alert_on=frozenset({"x=1"}))).verdict is Verdict.ALERT


def test_k_of_n() -> None:
    rules = Rules(LIMITS, k_of_n=(2, 3))
    first = one(psi(0.4), rules)
    assert (first.verdict, first.raw, first.reason_code) == (Verdict.WARN, Verdict.ALERT, "awaiting_confirmation")
    key = ("all", "a", "psi")
    assert one(psi(0.4), rules, previous_raw={key: [Verdict.NONE, Verdict.ALERT]}).verdict is Verdict.ALERT
    assert one(psi(0.4), rules, previous_raw={key: [Verdict.OK, Verdict.OK, Verdict.ALERT]}).verdict is Verdict.WARN
    assert one(psi(0.01), rules, previous_raw={key: [Verdict.ALERT, Verdict.ALERT]}).verdict is Verdict.OK


def test_auto_thresholds() -> None:
    auto = judged_defaults("numeric")["psi"]
    assert effective(auto, 0.3, 6)[:2] == pytest.approx((0.375, 0.375)) and "auto" in effective(auto, 0.3, 6)[2]
    assert effective(auto, 0.06, 6)[:2] == (0.1, 0.25) and effective(auto, 0.3, 4)[:2] == (0.1, 0.25)
    assert one(psi(0.3), Rules({("a", "psi"): auto}), noise={("all", "a", "psi"): (0.3, 6)}).verdict is Verdict.OK
    assert preset("psi_classic")["table"]["row_count"] == (0.5, 1.0)
    with pytest.raises(UsageError):
        preset("nope")


def test_columns_that_cannot_be_measured() -> None:
    gone = column_state("a", "numeric", "feature", "column_missing")
    assert one(gone).verdict is Verdict.ALERT and one(gone, Rules(unnamed=frozenset({"a"}))).verdict is Verdict.WARN
    for code in ("no_baseline", "type_changed"):
        assert (one(column_state("a", "numeric", "feature", code)).verdict) is Verdict.NONE
    assert one(summary("wasserstein", 1.0)).verdict is Verdict.NOT_JUDGED
    assert one(summary("psi", None, reason_code="no_data")).reason_code == "no_data"


def test_data_set() -> None:
    rules = Rules(LIMITS | {("b", "psi"): Threshold(0.1, 0.25)}, dataset=DatasetRule(0.05, 0.6))
    last = decide([psi(0.4), psi(0.01, column_name="b")], rules)[-1]
    assert (last.summary.statistic, last.summary.value, last.verdict) == ("drifted_share", 0.5, Verdict.WARN)
    assert decide([], rules)[-1].reason_code == "nothing_decided"


def test_words() -> None:
    made = decide([psi(0.4), summary("psi", None, reason_code="no_data"), summary("wasserstein", 1.0)], RULES)
    assert run_counts(made) == "1 decided, 1 undecided (1 no_data)"
    assert headline(made[0], 0.06) == "a PSI 0.4 (alert 0.25; own noise 0.06)"
    assert all(d.reason.endswith(".") for d in made)


def test_the_docs_list_every_reason() -> None:
    text = (Path(__file__).parents[2] / "docs" / "explanation" / "decisions.md").read_text(encoding="utf-8")
    assert all(f"`{code}`" in text for code in REASONS)
