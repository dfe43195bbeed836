"""Content-Range, read by the rules of RFC 9110: nothing but an error for anything else."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import InvalidError
from app.uploads.kinds import AUDIO, VIDEO, UnsupportedKindError, extension_of
from app.uploads.ranges import ContentRange, parse

numbers = st.integers(0, 10**17)


@given(first=numbers, length=st.integers(1, 10**12), rest=numbers)
def test_what_is_written_is_read(first: int, length: int, rest: int) -> None:
    end = first + length
    assert parse(f"bytes {first}-{end - 1}/{end + rest}") == ContentRange(first, end, end + rest)
    assert parse(f"bytes {first}-{end - 1}/*") == ContentRange(first, end, None)
    assert parse(f"bytes */{end}") == ContentRange(None, None, end)


@given(st.text() | st.from_regex(r"bytes [0-9*-]{0,9}/[0-9*]{0,9}", fullmatch=True))
def test_anything_is_a_range_or_an_error(text: str) -> None:
    try:
        found = parse(text)
    except InvalidError:
        return
    if found.first is not None and found.end is not None:
        assert 0 <= found.first < found.end <= (found.total or found.end)


@pytest.mark.parametrize("text", ["bytes 5-4/9", "bytes 0-9/9", "bytes ٠-٩/٩", "bytes=0-1/2", None])
def test_impossible_ranges(text: str | None) -> None:
    with pytest.raises(InvalidError):
        parse(text)


@given(st.text(), st.text())
def test_any_name_has_an_extension_or_is_refused(name: str, kind: str) -> None:
    with contextlib.suppress(UnsupportedKindError):
        assert extension_of(name, kind) in VIDEO | AUDIO


@pytest.mark.parametrize(
    ("name", "kind", "extension"),
    [
        ("a.MP4", "video/mp4", "mp4"),
        ("a.b.mkv", "", "mkv"),
        ("a.mkv", "application/octet-stream", "mkv"),
        ("film", "video/webm; codecs=vp9", "webm"),
        ("song.mp3", "audio/mpeg", "mp3"),
        ("clip.ts", "video/vnd.dlna.mpeg-tts", "ts"),
    ],
)
def test_known_kinds(name: str, kind: str, extension: str) -> None:
    assert extension_of(name, kind) == extension
