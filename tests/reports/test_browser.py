"""The HTML report in a real browser: no console message, charts drawn, axe-core content, 300 columns quickly usable."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import replace
from html import escape
from importlib.util import find_spec
from pathlib import Path

import pytest

from warehouse_drift.reports import charts
from warehouse_drift.reports.gather import ReportData
from warehouse_drift.reports.html import html
from warehouse_drift.reports.page import build

CHROMIUM = next((p for n in ("chromium", "chromium-browser", "google-chrome") if (p := shutil.which(n))), None)
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update"
    " --disable-sync --hide-scrollbars --enable-logging=stderr --virtual-time-budget=8000"
)  # fmt: skip
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine: apt-get install chromium"),
    pytest.mark.skipif(not charts.available(), reason="altair or vl-convert-python is missing: pip install 'warehouse-drift[report]'"),
]  # fmt: skip


def dump(path: Path, *flags: str, fragment: str = "") -> tuple[str, list[str]]:
    """The document after its scripts have run, and what it said on the console."""
    assert CHROMIUM is not None
    profile = path.with_suffix(".profile")
    done = subprocess.run(
        [CHROMIUM, *FLAGS.split(), f"--user-data-dir={profile}", *flags, "--dump-dom", path.as_uri() + fragment],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    shutil.rmtree(profile, ignore_errors=True)
    assert "<body" in done.stdout, done.stderr[-500:]
    return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]


def opened(text: str) -> str:
    """The page with every section open, as somebody would leave it who has looked at everything."""
    return text.replace("<details id=", "<details open id=").replace('<details class="inner"', '<details open class="inner"')


@pytest.fixture(scope="module")
def page(data: ReportData) -> str:
    return html(build(data))


def test_charts_are_drawn_and_the_console_is_silent(page: str, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text(opened(page), encoding="utf-8")
    dom, console = dump(path)
    assert console == []
    figures = len(re.findall(r"<figure", dom))
    assert figures > 8 and len(re.findall(r'<div role="img"', dom)) == figures - len(re.findall(r"<figure[^>]*hidden", dom))
    assert len(re.findall(r"<svg[^>]*class=\"marks\"", dom)) == len(re.findall(r'<div role="img"', dom))
    assert not re.search(r"<th[^>]*aria-sort", dom) and re.search(r'<th scope="col" data-type="text"><button type="button">Column</button>', dom)
    assert re.search(r'id="shown" role="status">(\d+) of \1 shown', dom)


def test_a_section_is_drawn_only_when_it_is_opened(page: str, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text(page, encoding="utf-8")
    closed, console = dump(path)
    assert console == [] and 'class="marks"' not in closed
    dom, console = dump(path, fragment="#c2")
    assert console == [] and re.search(r'<details id="c2"[^>]*open', dom) and dom.count('class="marks"') >= 1
    assert len(re.findall(r'<details id="c\d+"[^>]*open', dom)) == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_axe_finds_no_serious_violation(page: str, tmp_path: Path, width: int, scheme: str) -> None:
    spec = find_spec("axe_core_python")
    if spec is None or spec.origin is None:
        pytest.skip("axe-core is missing: pip install axe-core-python")
    axe = Path(spec.origin).with_name("axe.min.js").read_text(encoding="utf-8").replace("</script", "<\\/script")
    run = (
        "setTimeout(() => axe.run(document, {resultTypes: ['violations']}).then(r => parent.postMessage(JSON.stringify({"
        "wide: document.documentElement.scrollWidth, dark: matchMedia('(prefers-color-scheme: dark)').matches,"
        " passes: r.passes.length, found: r.violations.map(v => [v.id, v.impact, v.nodes[0].html])}), '*')), 1500)"
    )
    free = re.sub(r"<meta http-equiv[^>]*>", "", opened(page))  # axe and its call are scripts that the policy refuses
    inner = escape(free.replace("</body>", f"<script>{axe}</script><script>{run}</script></body>"))
    outer = (
        "<!doctype html><body><script>addEventListener('message', e => { const out = document.createElement('script');"
        " out.type = 'application/json'; out.id = 'axe'; out.textContent = e.data; document.body.append(out); })</script>"
        f'<iframe style="width:{width}px;height:900px;border:0" srcdoc="{inner}"></iframe></body>'
    )  # a window cannot be as narrow as a phone, a frame can
    path = tmp_path / "axe.html"
    path.write_text(outer, encoding="utf-8")
    dom, _ = dump(path, "--window-size=1400,1000", f"--blink-settings=preferredColorScheme={0 if scheme == 'dark' else 1}")
    found = re.search(r'<script type="application/json" id="axe">(.*?)</script>', dom, re.DOTALL)
    assert found, "axe did not finish"
    result = json.loads(found[1])
    assert result["passes"] > 15 and result["dark"] is (scheme == "dark")
    assert [v for v in result["found"] if v[1] in ("serious", "critical")] == []
    assert result["wide"] <= width, "the page itself must not scroll sideways"


def test_three_hundred_columns_open(data: ReportData, tmp_path: Path) -> None:
    """That it works; how fast is measured by integration/benchmarks/bench_report.py."""
    path = tmp_path / "wide.html"
    path.write_text(html(build(widened(data, 300))), encoding="utf-8")
    dom, console = dump(path)
    assert console == [] and dom.count('class="column"') == 300 and "300 of 300 shown" in dom
    assert re.search(r'data-ready="\d+"', dom) and 'class="marks"' not in dom


def widened(data: ReportData, n: int) -> ReportData:
    """The column ``amount`` under ``n`` names."""
    names = [f"feature_{i:03}" for i in range(n)]
    rows = [r for r in data.rows if r["column_name"] == "amount"]
    parts = [r for r in data.parts if r["column_name"] == "amount"]
    key = ("m", "weekly", "amount")
    return replace(
        data,
        incidents=(),
        rows=tuple({**r, "column_name": c} for c in names for r in rows),
        parts=tuple({**r, "column_name": c} for c in names for r in parts),
        bins={("m", "weekly", c): data.bins[key] for c in names},
        series={("m", "weekly", c): data.series[key] for c in names},
    )
