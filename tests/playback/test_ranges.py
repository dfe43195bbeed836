"""Range, If-Range and If-None-Match as RFC 9110 has them, whatever a client sends."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.playback.ranges import (
    Part,
    UnsatisfiableError,
    Version,
    is_unchanged,
    range_applies,
    requested_part,
)

SIZE = 1000
VERSION = Version("abc", datetime(2026, 11, 22, 9, 30, tzinfo=UTC))


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, None),
        ("bytes=0-", (0, 1000)),
        ("bytes=0-0", (0, 1)),
        ("bytes=0-999", (0, 1000)),
        ("bytes=0-5000", (0, 1000)),
        ("bytes=999-", (999, 1)),
        ("bytes=-1", (999, 1)),
        ("bytes=-5000", (0, 1000)),
        ("BYTES=1-2", (1, 2)),
        ("bytes= 1-2 ", (1, 2)),
        # the whole file for what is no single range of bytes
        ("bytes=5-4", None),
        ("bytes=0-1,3-4", None),
        ("bytes=-", None),
        ("bytes=", None),
        ("bytes", None),
        ("items=0-5", None),
        ("bytes=a-b", None),
        ("bytes=1 - 2", None),
        ("bytes=0x1-2", None),
        ("bytes=--1", None),
        ("bytes=\u0661-\u0662", None),
        ("bytes=" + "9" * 5000 + "-", None),
    ],
)
def test_what_a_range_asks_for(header: str | None, expected: tuple[int, int] | None) -> None:
    part = requested_part(header, SIZE)
    assert (part and (part.start, part.length)) == expected


@pytest.mark.parametrize("header", ["bytes=1000-", "bytes=1000-1001", "bytes=-0", "bytes=99999-"])
def test_what_lies_beyond_is_unsatisfiable(header: str) -> None:
    with pytest.raises(UnsatisfiableError):
        requested_part(header, SIZE)


def test_an_empty_file_has_no_parts() -> None:
    assert requested_part("bytes=-5", 0) is None
    with pytest.raises(UnsatisfiableError):
        requested_part("bytes=0-", 0)


@given(
    header=st.text() | st.from_regex(r"bytes=[0-9]{0,25}-[0-9]{0,25}"), size=st.integers(0, 2**50)
)
def test_a_part_always_lies_inside_the_file(header: str, size: int) -> None:
    try:
        part = requested_part(header, size)
    except UnsatisfiableError:
        return
    if part is not None:
        assert part.start >= 0
        assert part.length > 0
        assert part.start + part.length <= size


@given(st.data())
def test_the_bytes_are_those_asked_for(data: st.DataObject) -> None:
    content = data.draw(st.binary(min_size=1, max_size=200))
    first = data.draw(st.integers(0, len(content) - 1))
    last = data.draw(st.integers(first, len(content) + 50))
    part = requested_part(f"bytes={first}-{last}", len(content))
    assert part is not None
    assert content[part.start : part.start + part.length] == content[first : last + 1]
    assert part.content_range == (f"bytes {first}-{min(last, len(content) - 1)}/{len(content)}")


@given(length=st.integers(1, 500), size=st.integers(1, 400))
def test_a_suffix_is_the_end(length: int, size: int) -> None:
    assert requested_part(f"bytes=-{length}", size) == Part(
        max(0, size - length), min(length, size), size
    )


@pytest.mark.parametrize(
    ("if_range", "applies"),
    [
        (None, True),
        ('"abc"', True),
        ('"abd"', False),
        ('W/"abc"', False),  # a weak tag does not promise the same bytes
        ("Sun, 22 Nov 2026 09:30:00 GMT", True),
        ("Sun, 22 Nov 2026 09:30:01 GMT", False),
        ("Sun, 22 Nov 2026 09:29:59 GMT", False),
        ("yesterday", False),
        ("abc", False),
        ("", False),
    ],
)
def test_if_range(if_range: str | None, applies: bool) -> None:
    assert range_applies(if_range, VERSION) is applies


@pytest.mark.parametrize(
    ("none_match", "modified_since", "unchanged"),
    [
        (None, None, False),
        ('"abc"', None, True),
        ('W/"abc"', None, True),
        ('"x", "abc"', None, True),
        ("*", None, True),
        ('"x"', None, False),
        ("abc", None, False),
        (None, "Sun, 22 Nov 2026 09:30:00 GMT", True),
        (None, "Sun, 22 Nov 2026 09:29:59 GMT", False),
        (None, "never", False),
        # the tag is asked first
        ('"x"', "Sun, 22 Nov 2026 09:30:00 GMT", False),
    ],
)
def test_not_modified(
    none_match: str | None,
    modified_since: str | None,
    unchanged: bool,
) -> None:
    assert is_unchanged(none_match, modified_since, VERSION) is unchanged


@given(st.text(), st.text())
def test_no_header_is_too_strange(one: str, other: str) -> None:
    range_applies(one, VERSION)
    is_unchanged(one, other, VERSION)
    is_unchanged(None, other, VERSION)


@given(st.datetimes(datetime(1971, 1, 1), datetime(2200, 1, 1)))  # noqa: DTZ001 - made aware below
def test_a_client_s_own_date_comes_back(moment: datetime) -> None:
    version = Version("x", moment.replace(microsecond=0, tzinfo=UTC))
    assert is_unchanged(None, version.last_modified, version)
    assert range_applies(version.last_modified, version)
    older = Version("x", version.modified + timedelta(seconds=1))
    assert not is_unchanged(None, version.last_modified, older)
