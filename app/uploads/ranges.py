"""The Content-Range header of a chunk: `bytes 0-99/200`, or `bytes */200` to ask."""

import re
from dataclasses import dataclass

from app.core.errors import InvalidError

_FORM = re.compile(r"bytes\s+(?:(\d{1,18})-(\d{1,18})|\*)/(\d{1,18}|\*)")


@dataclass(frozen=True, slots=True)
class ContentRange:
    """Which bytes a request brings; `first` and `end` are None when it only asks."""

    first: int | None
    #: one behind the last byte
    end: int | None
    #: size of the whole file, None when the client leaves it open
    total: int | None


def parse(header: str | None) -> ContentRange:
    """Read the header. Raises InvalidError for anything that RFC 9110 or the protocol forbids."""
    match = _FORM.fullmatch((header or "").strip(" \t"))
    if match is None or not header or not header.isascii():
        raise InvalidError(
            "The header Content-Range must read `bytes 0-99/200` or `bytes */200`.",
            field="Content-Range",
        )
    total = None if match[3] == "*" else int(match[3])
    if match[1] is None:
        return ContentRange(None, None, total)
    first, end = int(match[1]), int(match[2]) + 1
    if end <= first or (total is not None and end > total):
        raise InvalidError(
            "The header Content-Range ends before it begins, or after the file does.",
            field="Content-Range",
        )
    return ContentRange(first, end, total)
