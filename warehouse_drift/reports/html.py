"""The report as one HTML file that asks for nothing: styles, scripts, charts and data are inside.

A content security policy in the file says so to the browser: no request may leave the page, and no script runs but the
two that are named by their hash, whatever a column or a value is called.
"""

from __future__ import annotations

import json
from base64 import b64encode
from datetime import datetime, timezone
from hashlib import sha256
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from warehouse_drift.decisions import sentences
from warehouse_drift.reports import charts, words
from warehouse_drift.reports.page import SPARK, Page
from warehouse_drift.reports.tables import interval

TEMPLATES = Path(__file__).resolve().parent / "templates"


def html(page: Page, *, made_at: datetime | None = None, with_charts: bool | None = None) -> str:
    """The file's text.

    Args:
        made_at: aware; default now.
        with_charts: default: when the extra ``report`` is installed. Without charts every number is still there, in
            tables.
    """
    drawn = charts.available() if with_charts is None else with_charts
    own = Markup((TEMPLATES / "report.js").read_text(encoding="utf-8"))
    vega = Markup(charts.script().replace("</script", "<\\/script")) if drawn else Markup("")
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(raw=_raw, number=_number, percent=words.percent, interval=interval, limit=_limit, people=words.what_people_said)
    return environment.get_template("report.html.j2").render(
        page=page,
        made_at=f"{made_at or datetime.now(timezone.utc):%Y-%m-%d %H:%M} UTC",
        css=Markup((TEMPLATES / "report.css").read_text(encoding="utf-8")),
        own=own,
        vega=vega,
        policy=Markup("script-src " + " ".join(_hash(text) for text in (own, vega) if text)),
        specs=_json(charts.specifications()) if drawn else Markup("{}"),
        spark=SPARK,
        labels=words.LABELS,
    )


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


def _json(value: Any) -> Markup:
    """JSON that may stand inside a script element: it cannot end it, nor open a comment."""
    text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


def _number(value: float | None) -> str:
    return "" if value is None else sentences.number(float(value))


def _raw(value: float | None) -> str:
    """For the page's own scripts: sorting and charts need no more than eight digits."""
    return "" if value is None else f"{value:.8g}"


def _limit(value: float | None, statistic: str) -> str:
    return "" if value is None else sentences.limit(statistic, float(value))
