"""Which part of a file a request is answered with: Range, If-Range and If-None-Match by RFC 9110.

aiohttp's own file response answers 416 to several ranges and ignores an entity tag in If-Range,
which hands a player bytes of a file that it does not have.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime

_RANGE = re.compile(r"bytes=[ \t]*([0-9]{0,18})-([0-9]{0,18})[ \t]*", re.IGNORECASE | re.ASCII)
_TAG = re.compile(r'(W/)?"([^"]*)"')


@dataclass(frozen=True, slots=True)
class Part:
    """A run of bytes of a file of `size` bytes."""

    start: int
    length: int
    size: int

    @property
    def content_range(self) -> str:
        """The Content-Range header."""
        return f"bytes {self.start}-{self.start + self.length - 1}/{self.size}"


@dataclass(frozen=True, slots=True)
class Version:
    """What tells contents of a file apart: an entity tag (without quotes) and a date."""

    tag: str
    #: whole seconds, as HTTP's dates are
    modified: datetime

    @property
    def last_modified(self) -> str:
        """The Last-Modified header."""
        return format_datetime(self.modified, usegmt=True)


class UnsatisfiableError(ValueError):
    """The range lies beyond the end of the file: a 416."""


def requested_part(header: str | None, size: int) -> Part | None:
    """The part that a Range header asks for, None for the whole file.

    What is malformed, of another unit, or several ranges at once is answered with the whole file,
    as the RFC allows. Raises UnsatisfiableError.
    """
    found = _RANGE.fullmatch(header.strip()) if header else None
    if found is None:
        return None
    first, last = found.groups()
    if not first:
        return _suffix(last, size)
    if last and int(last) < int(first):
        return None
    start = int(first)
    if start >= size:
        raise UnsatisfiableError
    end = min(int(last), size - 1) if last else size - 1
    return Part(start, end - start + 1, size)


def _suffix(digits: str, size: int) -> Part | None:
    """The last so many bytes; more than there are is all of them."""
    if not digits:
        return None
    if (length := min(int(digits), size)) > 0:
        return Part(size - length, length, size)
    if size == 0 and int(digits) > 0:
        return None
    raise UnsatisfiableError


def range_applies(if_range: str | None, version: Version) -> bool:
    """Whether the client's earlier bytes are of this very content (else it gets the whole file)."""
    if if_range is None:
        return True
    if tag := _TAG.fullmatch(if_range.strip()):
        return tag[1] is None and tag[2] == version.tag
    moment = _moment(if_range)
    return moment is not None and moment == version.modified


def is_unchanged(
    if_none_match: str | None, if_modified_since: str | None, version: Version
) -> bool:
    """Whether the client has this content already: a 304."""
    if if_none_match is not None:
        return if_none_match.strip() == "*" or any(
            tag == version.tag for _, tag in _TAG.findall(if_none_match)
        )
    moment = _moment(if_modified_since) if if_modified_since else None
    return moment is not None and version.modified <= moment


def _moment(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
