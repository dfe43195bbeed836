from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core import formats
from app.core.i18n import speak

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    speak("en")
    yield
    speak("en")


@pytest.mark.parametrize(
    ("format_value", "value", "written"),
    [
        (formats.duration, 0, "0:00"),
        (formats.duration, None, "0:00"),
        (formats.duration, 59.6, "1:00"),
        (formats.duration, 247, "4:07"),
        (formats.duration, 3847, "1:04:07"),
        (formats.count, None, "0"),
        (formats.count, 999, "999"),
        (formats.count, 1234, "1.2K"),
        (formats.count, 12_345, "12K"),
        (formats.count, 3_400_000, "3.4M"),
        (formats.filesize, 0, "0 B"),
        (formats.filesize, -1, "no limit"),
        (formats.filesize, 999, "999 B"),
        (formats.filesize, 1000, "1 kB"),
        (formats.filesize, 1_440_000_000, "1.4 GB"),
        (formats.filesize, 999_999, "1 MB"),
        (formats.filesize, 25_000_000_000_000, "25 TB"),
        (formats.date, NOW, "Nov 22, 2026"),
        (formats.date, None, ""),
        (formats.ago, None, ""),
    ],
)
def test_in_english(format_value: Callable[[object], str], value: object, written: str) -> None:
    assert format_value(value).replace("\u202f", " ") == written


@pytest.mark.parametrize(
    ("distance", "written"),
    [
        (timedelta(seconds=20), "just now"),
        (timedelta(minutes=5), "5 minutes ago"),
        (timedelta(hours=30), "1 day ago"),
        (timedelta(days=400), "1 year ago"),
        (timedelta(hours=-3), "in 3 hours"),
    ],
)
def test_how_long_ago(distance: timedelta, written: str) -> None:
    assert formats.ago(NOW - distance, now=NOW) == written


def test_in_german() -> None:
    speak("de")
    assert formats.date(NOW) == "22.11.2026"
    assert formats.filesize(1_440_000_000) == "1,4 GB"
    assert formats.ago(NOW - timedelta(days=3), now=NOW) == "vor 3 Tagen"


@given(st.integers(-1, 10**18))
def test_every_size_is_short(size: int) -> None:
    assert len(formats.filesize(size)) <= 10


@given(st.integers(0, 10**12))
def test_every_number_is_short(number: int) -> None:
    assert len(formats.count(number)) <= 6
