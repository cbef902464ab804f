"""Dates of a configuration as UTC instants."""

from __future__ import annotations

from datetime import datetime

from warehouse_drift.config.values import instant_text


def instant(text: str, zone: str) -> datetime:
    """Naive UTC is never returned: the result is aware, in UTC. A date is its midnight in ``zone``; a time without an
    offset is wall clock there (the first of two in autumn). Raises ValueError with a sentence."""
    from datetime import time, timezone
    from zoneinfo import ZoneInfo

    value = instant_text(text)
    if not isinstance(value, datetime):
        value = datetime.combine(value, time())
    if value.tzinfo is None:
        value = value.replace(tzinfo=ZoneInfo(zone))
    try:
        return value.astimezone(timezone.utc)
    except OverflowError:
        raise ValueError(f"{text!r} is outside the calendar") from None
