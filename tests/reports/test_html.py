"""The HTML report as a file: its structure, what it escapes, what it hides, and that it asks for nothing."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections import Counter
from dataclasses import replace
from hashlib import sha256
from itertools import pairwise
from pathlib import Path

import duckdb
import pytest

from tests.reports.reading import NASTY, SECRET, tree
from warehouse_drift.reports import charts, words
from warehouse_drift.reports.gather import ReportData, bin_words, gather
from warehouse_drift.reports.html import html
from warehouse_drift.reports.page import MOST_FINDINGS, build
from warehouse_drift.resources import root


@pytest.fixture(scope="module")
def page(data: ReportData) -> str:
    return html(build(data), with_charts=False)


def test_the_page_says_what_changed_first(page: str, data: ReportData) -> None:
    found = tree(page)
    assert len(found.all("h1")) == 1 and found.text["h1"] == ["amount needs attention"]
    assert [t.strip() for t in found.text["dt"][:6]] == ["What changed", "Since when", "How sure", "How big now", "Where", "What to do next"]
    changed, since, sure, big = found.text["dd"][:4]
    assert re.search(r"More rows with .* or more: [\d.]+ % now, [\d.]+ % in the reference\.", changed)
    assert since.startswith("2025-02-17") and "1 window" in since
    assert sure.startswith("Very sure") and "times the alert limit" in big
    worst = next(r for r in data.rows if r["column_name"] == "amount" and r["statistic"] == "psi")
    assert f"{worst['value'] / worst['alert_threshold']:.1f} times" in big


def test_numbers_of_the_bins_are_those_of_the_view(config: str, page: str) -> None:
    url = json.loads(Path(config).read_text())["warehouse"]["url"]
    with duckdb.connect(url.removeprefix("duckdb:///"), read_only=True) as c:
        rows = c.execute(
            "SELECT share_reference, share_current FROM drift.drift_bins WHERE column_name = 'amount' AND segment = 'all'"
            " AND window_date = DATE '2025-02-17' ORDER BY bin_index"
        ).fetchall()
    section = re.search(r'<details id="(c\d+)" class="column" data-decision="alert">', page)
    assert section
    table = re.search(rf'<table id="{section[1]}-bins">(.*?)</table>', page, re.DOTALL)
    assert table
    cells = [float(v) for v in re.findall(r'data-v="([^"]+)"', table[1])]
    shown = [(cells[i], cells[i + 1]) for i in range(0, len(cells), 3)]
    assert len(rows) == 10
    assert [pytest.approx(r) for r in rows] == shown
    assert sum(cells[2::3]) == pytest.approx(1)


def test_structure_is_accessible(page: str) -> None:
    found = tree(page)
    levels = [int(tag[1]) for tag, _ in found.elements if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1 and all(b - a <= 1 for a, b in pairwise(levels))
    assert found.all("html")[0]["lang"] == "en" and "width=device-width" in str(found.all("meta"))
    assert len(found.all("caption")) == len(found.all("table")) > 5 and all(t.strip() for t in found.text["caption"])
    assert all(th["scope"] in ("col", "row") for th in found.all("th"))
    ids = Counter(a["id"] for _, a in found.elements if "id" in a)
    assert set(ids.values()) == {1}
    for _, attrs in found.elements:
        for name in ("aria-labelledby", "data-table", "data-section"):
            assert attrs.get(name) is None or attrs[name] in ids, attrs
        assert not attrs.get("href", "").startswith("#") or attrs["href"][1:] in ids
    assert len(found.all("figcaption")) == len(found.all("figure")) > 5
    assert found.all("main") and found.all("header") and found.all("footer")


def test_hostile_names_are_text(page: str) -> None:
    found = tree(page)
    assert NASTY not in page and "<img" not in page
    scripts = [a for a in found.all("script") if a.get("type") != "application/json"]
    assert len(scripts) == 1 and scripts[0] == {}
    assert any(t.strip() == NASTY for t in found.text["th"]), "a column's name, as it is"
    assert any(t.strip() == "place=<img src=x>" for t in found.text["th"]), "a segment's value, as it is"
    assert not any(name.startswith("on") for _, attrs in found.elements for name in attrs)
    assert found.text["title"] == ["Drift report: shop <b>&"]


@pytest.mark.parametrize("with_charts", [False, True])
def test_it_asks_for_nothing(data: ReportData, with_charts: bool) -> None:
    if with_charts and not charts.available():
        pytest.skip("altair or vl-convert-python is missing: pip install 'warehouse-drift[report]'")
    text = html(build(data), with_charts=with_charts)
    found = tree(text)
    for tag, attrs in found.elements:
        assert not {"src", "srcset", "action", "data", "poster"} & set(attrs), tag
        assert attrs.get("href", "#").startswith("#"), attrs
    style = "".join(found.text["style"])
    assert "url(" not in style and "@import" not in style
    policy = next(a["content"] for a in found.all("meta") if a.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none';") and "script-src 'sha256-" in policy and "'unsafe-eval'" not in policy
    for script in re.findall(r"<script>(.*?)</script>", text, re.DOTALL):
        assert f"'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'" in policy
    assert len(found.all("script")) == 2 + with_charts


def test_values_that_are_not_stored_do_not_appear(page: str, data: ReportData, config: str) -> None:
    assert SECRET not in page and "other-secret" not in page
    labels = [b["label"] for key, bins in data.bins.items() if key[2] == "private" for b in bins]
    assert labels and all(re.fullmatch(r"bin \d+", label) for label in labels)
    body = json.loads(Path(config).read_text())
    body["monitors"][0]["columns"][1] = {"name": NASTY, "store_values": False}
    body["monitors"][0]["columns"][0] = {"name": "amount", "store_values": False}
    body["monitors"][0]["columns"].append({"name": "place", "store_values": False})
    body["monitors"][0]["segments"] = []
    later = Path(config).with_name("later.yml")
    later.write_text(json.dumps(body))
    hidden = html(build(gather(str(later))), with_charts=False)
    assert "place=&lt;img" not in hidden and "place=(value not stored)" in hidden, "rows of before the change"
    assert "rows in bin " in hidden and "(its values are not stored)" in hidden and "rows with bin" not in hidden
    assert " or more" not in hidden and "&gt;b&lt;" not in hidden


def test_a_source_that_cannot_be_read_shows_no_value(config: str) -> None:
    body = json.loads(Path(config).read_text())
    body["monitors"][0]["relation"] = "gone"
    later = Path(config).with_name("gone.yml")
    later.write_text(json.dumps(body))
    found = gather(str(later))
    assert "could not be read" in found.notes[0]
    assert {b["label"].split()[0] for bins in found.bins.values() for b in bins} == {"bin"}
    assert all(r["segment"] == "place=(value not stored)" for r in found.parts)


def test_undecided_is_told_and_never_ok(data: ReportData) -> None:
    nothing = tuple(
        {**r, "decision": "none", "severity": None, "reason_code": "insufficient", "reason": "too few rows", "value": None,
         "value_lower": None, "value_upper": None, "p_value": None, "p_value_adjusted": None}
        if r["decision"] != "not_judged" else r
        for r in data.rows
    )  # fmt: skip
    built = build(replace(data, rows=nothing, parts=(), incidents=()))
    assert built.headline == "No drift where it could be judged"
    assert {name: n for name, _, n in built.counts} == {"alert": 0, "warn": 0, "none": len(built.sections), "ok": 0}
    assert "insufficient" in html(built, with_charts=False)


def test_nothing_stored_yet_is_a_page_too() -> None:
    text = html(build(ReportData("p", (), (), (), (), {}, {}, ())), with_charts=False)
    assert tree(text).text["h1"] == ["Nothing has been decided yet"]


def test_many_columns_are_cut_with_a_word(data: ReportData) -> None:
    amount = [r for r in data.rows if r["column_name"] == "amount"]
    many = tuple({**r, "column_name": f"c{i:03}"} for i in range(40) for r in amount)
    built = build(replace(data, rows=many, parts=(), incidents=()))
    assert len(built.findings) == MOST_FINDINGS and built.more_findings == 40 - MOST_FINDINGS
    assert built.headline == "c000, c001, c002 and 37 more need attention"


@pytest.mark.parametrize(
    ("label", "said"),
    [("[-inf, -7)", "under -7"), ("(-inf, 3]", "up to 3"), ("[4.2, 16.6)", "4.2 to under 16.6"), ("(-2, 0]", "over -2 to 0"), ("[7, 7]", "7"), ("(9, inf)", "over 9"), ("[9, inf)", "9 or more"), ("odd", "odd")],
)  # fmt: skip
def test_bins_in_words(label: str, said: str) -> None:
    row = {"bin_index": 1, "bin_label": label, "bin_lower": 1.0, "bin_upper": 2.0, "bins": 1}
    assert bin_words(row) == said
    assert bin_words({**row, "bin_lower": None, "bin_upper": None}) == label, "a value that looks like an interval"
    assert bin_words({**row, "bin_index": -1, "bins": 12}) == "12 other bins"


@pytest.mark.parametrize(
    ("p", "said"), [(None, "Not a question of chance"), (1e-9, "Very sure"), (0.004, "about once in 250 times"), (0.2, "chance alone does this in 20 of 100")]
)  # fmt: skip
def test_how_sure(p: float | None, said: str) -> None:
    assert said in words.how_sure({"p_value_adjusted": p, "p_value": None})


def test_charts_follow_the_page_into_the_dark() -> None:
    if not charts.available():
        pytest.skip("altair or vl-convert-python is missing: pip install 'warehouse-drift[report]'")
    made = json.dumps(charts.specifications())
    assert not re.search(r"#[0-9a-fA-F]{3,6}\b", made), "colours are variables of the page"
    css = (root() / "warehouse_drift" / "reports" / "templates" / "report.css").read_text()
    for name in set(re.findall(r"var\(--(\w+)\)", made)):
        assert css.count(f"--{name}:") == 3, f"light, dark and print: {name}"


def test_a_bin_without_a_stored_value_says_so(data: ReportData, config: str) -> None:
    """A cell without a label was called after its kind: 'value'."""
    url = json.loads(Path(config).read_text())["warehouse"]["url"]
    with duckdb.connect(url.removeprefix("duckdb:///"), read_only=True) as c:
        labels = {r[0] for r in c.execute("SELECT bin_label FROM drift.drift_bins WHERE column_name = 'private'").fetchall()}
        held = []
        for (table,) in c.execute("SELECT table_name FROM duckdb_tables() WHERE schema_name = 'drift'").fetchall():
            held += [str(row) for row in c.execute(f'SELECT * FROM drift."{table}"').fetchall()]
    assert labels == {"<value not stored>"}
    assert len(held) > 1000 and not [row for row in held if SECRET in row or "other-secret" in row], "store_values: false"
