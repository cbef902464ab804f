"""Single values of a configuration: durations, shares, names. Every function raises ValueError with a sentence."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from fnmatch import translate
from functools import lru_cache
from typing import Any

_UNITS = {
    "second": 1,
    "minute": 60,
    "hour": 3600,
    "day": 86400,
    "week": 7 * 86400,
    "month": 30 * 86400,
    "year": 365 * 86400,
}
_DURATION = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(second|minute|hour|day|week|month|year)s?\s*\Z")
_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([kKMGTP]?)(i?)B\s*\Z")
_SHARE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*%\s*\Z")
_K_OF_N = re.compile(r"\s*(\d+)\s*of\s*(\d+)\s*\Z")
WINDOWS = ("hour", "day", "week", "month")
WEEK_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def nearest(name: object, known: Iterable[str]) -> str:
    """``Did you mean x?``, or nothing when no name is near."""
    found = near(name, known)
    return f"Did you mean {' or '.join(found)}?" if found else ""


def near(name: object, known: Iterable[str]) -> list[str]:
    """The known name that is most like ``name``, and a second one only if both are very near."""
    by_lower = {k.lower(): k for k in known}
    word = str(name).lower()
    found = difflib.get_close_matches(word, by_lower, 2, 0.8) or difflib.get_close_matches(word, by_lower, 1, 0.6)
    return [by_lower[n] for n in found]


def with_nearest(message: str, name: object, known: Iterable[str]) -> str:
    """``message; did you mean x?``, or ``message; known: x, y`` when no name is near."""
    known = list(known)
    said = nearest(name, known)
    return f"{message}; {'d' + said[1:] if said else 'known: ' + ', '.join(known)}"


def duration(value: Any) -> Any:
    if isinstance(value, timedelta):
        return value
    match = _DURATION.match(value) if isinstance(value, str) else None
    if not match:
        raise ValueError(f"{value!r} is not a duration; write a number and a unit, as '35 days' or '6 hours'")
    try:
        return timedelta(seconds=float(match[1]) * _UNITS[match[2]])
    except OverflowError:
        raise ValueError(f"{value!r} is longer than any calendar") from None


def size(value: Any) -> Any:
    """Bytes: a whole number, or a text as '50 GB' (10^9) or '50 GiB' (2^30)."""
    match = _SIZE.match(value) if isinstance(value, str) else None
    if isinstance(value, str) and not match:
        raise ValueError(f"{value!r} is not a size; write a number and a unit, as '50 GB' or '800 MiB'")
    if match:
        return round(float(match[1]) * (1024 if match[3] else 1000) ** " KMGTP".index(match[2].upper() or " "))
    return value


def number_or_share(value: Any) -> Any:
    """0.05, 5 % or '5%' as a number."""
    if isinstance(value, bool):
        raise ValueError("must be a number, or a share as 5%")
    if isinstance(value, str):
        match = _SHARE.match(value)
        if not match:
            raise ValueError(f"{value!r} is neither a number nor a share as 5%")
        return float(match[1]) / 100
    return value


def text_of(value: Any) -> Any:
    """Numbers and true/false are names too where a text is asked for (a table 2024, a segment value 7)."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return f"{value}"
    return value.strip() if isinstance(value, str) else value


def one_or_many(value: Any) -> Any:
    return value if isinstance(value, (list, tuple)) else (value,)


def usual_k_of_n(window: str) -> tuple[int, int]:
    """Alerts needed among the newest windows: short ones are noisy."""
    return (2, 3) if window in ("hour", "day") else (1, 1)


def statistic_name(value: Any) -> Any:
    from warehouse_drift.statistics.registry import BY_NAME, names

    if value in BY_NAME and BY_NAME[value].source == "values":
        raise ValueError(f"{value} reads every value of both sides, which profiles do not keep: `compare` measures it")
    if value not in names():
        raise ValueError(with_nearest(f"there is no statistic {value!r}", value, names()))
    return value


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    from zoneinfo import available_timezones

    return frozenset(available_timezones())


def time_zone_name(value: Any) -> Any:
    from zoneinfo import ZoneInfo

    if not isinstance(value, str):
        raise ValueError("must be the name of a time zone, as Europe/Berlin")
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        cities = {z.rsplit("/", 1)[-1]: z for z in sorted(_zones(), reverse=True)}  # Berlin -> Europe/Berlin
        near = difflib.get_close_matches(value.title().replace(" ", "_"), _zones(), 1, 0.6)
        near = near or [cities[c] for c in difflib.get_close_matches(value.rsplit("/", 1)[-1].title(), cities, 1, 0.6)]
        hint = f"did you mean {near[0]}?" if near else "write an IANA name, as Europe/Berlin"
        raise ValueError(f"there is no time zone {value!r}; {hint}") from None
    return value


def week_day(value: Any) -> Any:
    if isinstance(value, str) and value.lower() in WEEK_DAYS:
        return WEEK_DAYS.index(value.lower())
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 6:
        return value
    raise ValueError(f"{value!r} is not a day of the week; write monday ... sunday")


def clock_time(value: Any) -> Any:
    """'22:00' as a time of day."""
    try:
        found = time.fromisoformat(value) if isinstance(value, str) and len(value) == 5 else None
    except ValueError:
        found = None
    if found is None:
        raise ValueError("must be a time of day, as 22:00")
    return found


def window_name(value: Any) -> Any:
    if isinstance(value, str) and _DURATION.match(value):
        raise ValueError(f"a length of {value!r} is not in this version yet; use hour, day, week or month")
    return value


def k_of_n_rule(value: Any) -> Any:
    """'2 of 3' or [2, 3] as (2, 3)."""
    if value is None:
        return None
    if isinstance(value, str) and (match := _K_OF_N.match(value)):
        value = [int(match[1]), int(match[2])]
    if not (isinstance(value, (list, tuple)) and len(value) == 2 and all(type(v) is int for v in value)):
        raise ValueError(f"{value!r} is not a rule such as '2 of 3'")
    if not 1 <= value[0] <= value[1]:
        raise ValueError(f"{value[0]} of {value[1]} can never be; write as '2 of 3', the smaller number first")
    return tuple(value)


def column_pattern(value: Any) -> Any:
    value = text_of(value)
    if isinstance(value, str):
        compiled(value)
    return value


@lru_cache(maxsize=1024)
def compiled(pattern: str) -> re.Pattern[str]:
    """A glob, or /a regular expression/ anywhere in the name. Upper and lower case are the same: warehouses fold them."""
    if len(pattern) > 2 and pattern.startswith("/") and pattern.endswith("/"):
        try:
            return re.compile(pattern[1:-1], re.IGNORECASE)
        except re.error as error:
            raise ValueError(f"{pattern!r} is not a regular expression: {error}") from None
    return re.compile(r"\A" + translate(pattern), re.IGNORECASE)


def matches(pattern: str, name: str) -> bool:
    return compiled(pattern).search(name) is not None


def instant_text(value: str) -> date | datetime:
    """A date or a date and time. Raises ValueError."""
    try:
        return date.fromisoformat(value) if len(value) == 10 else datetime.fromisoformat(value.replace("Z", "+00:00"))
    except ValueError:
        raise ValueError(f"{value!r} is not a date or time; write it as 2025-01-31 or 2025-01-31 06:00") from None
