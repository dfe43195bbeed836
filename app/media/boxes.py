"""Boxes of the ISO base media file format (ISO/IEC 14496-12), read from bytes with every bound
checked.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NoReturn

from app.media.errors import MediaError, Reason

HEADER: Final = 16
"""Bytes that hold any box's length and kind."""


@dataclass(frozen=True, slots=True)
class Box:
    """A box within some bytes: [start, end) with its content at [body, end)."""

    kind: bytes
    start: int
    body: int
    end: int


def malformed(what: str) -> NoReturn:
    """Raise the error for a file that is not what our encoder writes."""
    raise MediaError(Reason.BAD_PACKAGE, "The converted file is not as it should be.", what)


def read_header(data: bytes) -> tuple[bytes, int, int] | None:
    """Give kind, whole length (0: to the end of the file) and header length; None if cut short."""
    if len(data) < 8:
        return None
    length, kind = struct.unpack_from(">I4s", data)
    if length != 1:
        return kind, length, 8
    if len(data) < HEADER:
        return None
    return kind, struct.unpack_from(">Q", data, 8)[0], HEADER


def children(data: bytes, start: int, end: int) -> Iterator[Box]:
    """Walk the boxes that fill data[start:end]."""
    while start < end:
        header = read_header(data[start : min(end, start + HEADER)])
        if header is None:
            malformed("a box is cut short")
        kind, length, body = header
        if length < body or start + length > end:
            malformed(f"a box {kind!r} of {length} bytes does not fit")
        yield Box(kind, start, start + body, start + length)
        start += length


def child(data: bytes, parent: Box, kind: bytes, *, skip: int = 0) -> Box:
    """The first child of a kind, after `skip` bytes of the parent's own fields."""
    found = optional_child(data, parent, kind, skip=skip)
    if found is None:
        malformed(f"no {kind!r} in {parent.kind!r}")
    return found


def optional_child(data: bytes, parent: Box, kind: bytes, *, skip: int = 0) -> Box | None:
    """The first child of a kind, or None."""
    start = min(parent.body + skip, parent.end)
    return next((box for box in children(data, start, parent.end) if box.kind == kind), None)


class Fields:
    """Reads a box's fields one after the other, never past its end."""

    def __init__(self, data: bytes, box: Box) -> None:
        self.data = data
        self.at = box.body
        self.end = box.end
        self.kind = box.kind

    def skip(self, count: int) -> None:
        """Pass over `count` bytes."""
        self._need(count)
        self.at += count

    def number(self, size: int) -> int:
        """An unsigned number of `size` bytes."""
        self._need(size)
        value = int.from_bytes(self.data[self.at : self.at + size], "big")
        self.at += size
        return value

    def signed(self) -> int:
        """A signed number of four bytes."""
        value = self.number(4)
        return value - (1 << 32) if value >= 1 << 31 else value

    def take(self, count: int) -> bytes:
        """`count` bytes as they are."""
        self._need(count)
        self.at += count
        return self.data[self.at - count : self.at]

    def version_and_flags(self) -> tuple[int, int]:
        """The head of a full box."""
        return self.number(1), self.number(3)

    def _need(self, count: int) -> None:
        if count < 0 or self.at + count > self.end:
            malformed(f"{self.kind!r} is too short")
