"""The report's charts: three Vega-Lite specifications made with altair, and Vega itself as one script without a network.

A specification is made once and drawn for many columns: its data set is called ``rows`` and is filled in by the page.
Colours are CSS variables, so that a chart follows the page into the dark and onto paper without being drawn again.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from warehouse_drift.errors import UsageError

REFERENCE, CURRENT, INK, FAINT = "var(--reference)", "var(--current)", "var(--ink)", "var(--line)"
DECISIONS = {
    "OK": ("var(--ok)", "circle"),
    "Warning": ("var(--warn)", "diamond"),
    "Alert": ("var(--alert)", "triangle-up"),
    "Undecided": ("var(--none)", "cross"),
}
"""Shown decision -> colour and shape: never the colour alone."""
_CONFIG: dict[str, Any] = {
    "background": "transparent",
    "aria": False,
    "font": "system-ui, sans-serif",
    "view": {"stroke": None},
    "axis": {
        "labelColor": INK, "titleColor": INK, "domainColor": FAINT, "tickColor": FAINT, "gridColor": FAINT,
        "labelFontSize": 11, "titleFontSize": 11, "titleFontWeight": "normal", "labelLimit": 160, "labelFont": "system-ui, sans-serif",
    },
    "legend": {"labelColor": INK, "titleColor": INK, "orient": "top", "labelFontSize": 12, "symbolSize": 90, "title": None},
}  # fmt: skip


def available() -> bool:
    """Whether the extra ``report`` is installed."""
    try:
        import altair  # noqa: F401
        import vl_convert  # noqa: F401
    except ImportError:
        return False
    return True


@lru_cache(maxsize=1)
def script() -> str:
    """Vega, Vega-Lite and vega-embed as one script of about 0.9 MB that sets ``window.vegaEmbed``.

    Raises:
        UsageError: when the extra is not installed.
    """
    try:
        import vl_convert
    except ImportError as error:
        raise _missing() from error
    return str(vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;"))


@lru_cache(maxsize=1)
def specifications() -> dict[str, dict[str, Any]]:
    """``distribution``, ``contribution`` and ``history`` by name.

    Raises:
        UsageError: when the extra is not installed.
    """
    try:
        import altair
    except ImportError as error:
        raise _missing() from error
    made = {"distribution": _distribution(altair), "contribution": _contribution(altair), "history": _history(altair)}
    return {name: {**chart.configure(**_CONFIG).to_dict(), "usermeta": None} for name, chart in made.items()}


def _missing() -> UsageError:
    return UsageError("Charts need altair and vl-convert-python.", hint="Run: pip install 'warehouse-drift[report]'")


def _distribution(alt: Any) -> Any:
    """Both sides' shares on the same bins, side by side."""
    sides = alt.Scale(domain=["Reference", "Now"], range=[REFERENCE, CURRENT])
    return (
        alt.Chart(alt.NamedData("rows"), width="container", height=220)
        .mark_bar()
        .encode(
            x=alt.X("bin:N", sort=None, title=None, axis=alt.Axis(labelAngle=-40, labelOverlap=False)),
            xOffset=alt.XOffset("side:N", sort=["Reference", "Now"]),
            y=alt.Y("share:Q", title="share of the rows", axis=alt.Axis(format=".0%", tickCount=5)),
            color=alt.Color("side:N", scale=sides, sort=["Reference", "Now"]),
        )
    )


def _contribution(alt: Any) -> Any:
    """What each bin adds to PSI, as a share of all."""
    ways = alt.Scale(domain=["more rows now", "fewer rows now"], range=[CURRENT, REFERENCE])
    return (
        alt.Chart(alt.NamedData("rows"), width="container", height=200)
        .mark_bar()
        .encode(
            y=alt.Y("bin:N", sort=None, title=None),
            x=alt.X("part:Q", title="part of the whole difference", axis=alt.Axis(format=".0%", tickCount=5)),
            color=alt.Color("way:N", scale=ways),
        )
    )


def _history(alt: Any) -> Any:
    """One statistic over its windows: the band of the windows before, both limits, and each decision."""
    data = alt.NamedData("rows")
    x = alt.X("at:T", title=None, scale=alt.Scale(type="utc"), axis=alt.Axis(labelOverlap=True, tickCount=6))
    titled = alt.Y("value:Q", title=None, axis=alt.Axis(tickCount=5))
    colour = alt.Scale(domain=list(DECISIONS), range=[c for c, _ in DECISIONS.values()])
    shape = alt.Scale(domain=list(DECISIONS), range=[s for _, s in DECISIONS.values()])
    base = alt.Chart(data)
    band = base.mark_area(opacity=0.18, color=REFERENCE, interpolate="monotone").encode(
        x=x, y=alt.Y("band_lower:Q"), y2="band_upper:Q"
    )
    line = base.mark_line(color=INK, strokeWidth=1.5).encode(x=x, y=titled)
    limits = [
        base.mark_line(color=f"var(--{name})", strokeDash=dash, interpolate="step-after").encode(
            x=x, y=alt.Y(f"{name}:Q")
        )
        for name, dash in (("warn", [4, 3]), ("alert", [8, 3]))
    ]
    points = base.mark_point(filled=True, size=60, opacity=1).encode(
        x=x, y=titled, color=alt.Color("decision:N", scale=colour), shape=alt.Shape("decision:N", scale=shape)
    )
    return alt.layer(band, *limits, line, points, data=data).properties(width="container", height=200)
