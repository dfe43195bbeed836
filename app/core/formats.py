"""How pages write dates, durations, numbers and sizes, in the language of the page."""

import math
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from babel.dates import format_date, format_datetime, format_timedelta
from babel.numbers import format_compact_decimal, format_decimal

from app.core.i18n import current_locale, gettext

DAY = 24 * 60
_UNITS = ("kB", "MB", "GB", "TB", "PB")


def date(moment: datetime | None, form: str = "medium") -> str:
    """A day: `22 Nov 2026`."""
    return format_date(moment, form, locale=current_locale()) if moment else ""


def moment(when: datetime | None, form: str = "medium") -> str:
    """A day with its time, in UTC."""
    return format_datetime(when, form, locale=current_locale()) if when else ""


def ago(when: datetime | None, *, now: datetime | None = None) -> str:
    """How long ago: `3 days ago`; what lies ahead: `in 3 days`."""
    if when is None:
        return ""
    minutes = int((when - (now or datetime.now(UTC))).total_seconds() / 60)
    if minutes == 0:
        return gettext("just now")
    # After a day nobody sees the minutes, and whole hours are more often in the cache.
    return _distance(minutes if abs(minutes) < DAY else int(minutes / 60) * 60, current_locale())


def duration(seconds: float | None) -> str:
    """A length as a clock: `4:07`, `1:04:07`."""
    minutes, second = divmod(round(seconds or 0), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def count(number: int | None) -> str:
    """A number in short: `999`, `1.2K`, `12K`, `3.4M`."""
    value = number or 0
    if value < 1000:
        return str(value)
    return _compact(value, current_locale())


@lru_cache(maxsize=4096)
def _distance(minutes: int, locale: str) -> str:
    distance = timedelta(minutes=minutes)
    return format_timedelta(distance, granularity="minute", add_direction=True, locale=locale)


@lru_cache(maxsize=4096)
def _compact(value: int, locale: str) -> str:
    digits = 1 if value < 10_000 or 1_000_000 <= value < 10_000_000 else 0
    return format_compact_decimal(value, fraction_digits=digits, locale=locale)


def filesize(size: int | None) -> str:
    """Bytes as people say them, in steps of 1000: `1.4 GB`; -1 is without limit."""
    value = float(size or 0)
    if value < 0:
        return gettext("no limit")
    if value < 1000:
        return f"{int(value)} B"
    step = min(int(math.log(value * 1.0005, 1000)), len(_UNITS))
    value /= 1000**step
    pattern = "#,##0.#" if value < 10 else "#,##0"
    return f"{format_decimal(value, pattern, locale=current_locale())} {_UNITS[step - 1]}"
