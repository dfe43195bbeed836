"""Reads a fragmented MP4 file piece by piece: first its beginning, then fragment after fragment."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, Self

from app.media.boxes import HEADER, malformed, read_header
from app.media.fragments import Fragment, read_fragment
from app.media.tracks import Track, read_track

MOST_IN_MEMORY: Final = 64 * 1024 * 1024
"""Bytes of a `moov` or `moof`; ours have some kilobytes."""


@dataclass(frozen=True, slots=True)
class Beginning:
    """Everything before the first fragment."""

    data: bytes
    track: Track


@dataclass(frozen=True, slots=True)
class Piece:
    """One fragment: its `moof` in memory, its media data still in the file."""

    offset: int
    moof: bytes
    fragment: Fragment
    data_offset: int
    data_size: int

    @property
    def size(self) -> int:
        """Bytes of the whole piece."""
        return self.data_offset + self.data_size - self.offset


class PieceReader:
    """An open fragmented MP4 file; `growing` stops silently where the file is not yet complete."""

    def __init__(self, path: Path, *, growing: bool = False) -> None:
        self.file: BinaryIO = path.open("rb")
        self.size = path.stat().st_size
        self.growing = growing
        try:
            self.beginning, self._first = self._read_beginning()
        except BaseException:
            self.file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()

    def pieces(self) -> Iterator[Piece]:
        """Walk the fragments."""
        moof_offset, moof = 0, b""
        for kind, offset, length in self._top(self._first):
            if kind == b"moof":
                if moof:
                    malformed("a fragment without media data")
                moof_offset, moof = offset, self._load(offset, length)
            elif kind == b"mdat":
                if not moof:
                    malformed("media data without a fragment")
                fragment = read_fragment(moof, self.beginning.track)
                end = offset + length
                if moof_offset + fragment.first_sample_end > end:
                    malformed("a sample lies outside its fragment")
                yield Piece(moof_offset, moof, fragment, offset, length)
                moof = b""
        if moof and not self.growing:
            malformed("a fragment without media data")

    def _read_beginning(self) -> tuple[Beginning, int]:
        track: Track | None = None
        end = 0
        for kind, offset, length in self._top(0):
            if kind in (b"moof", b"mdat"):
                break
            if kind == b"moov":
                track = read_track(self._load(offset, length))
            end = offset + length
        if track is None:
            malformed("no description of a track")
        return Beginning(self._load(0, end), track), end

    def _top(self, offset: int) -> Iterator[tuple[bytes, int, int]]:
        while offset < self.size:
            self.file.seek(offset)
            header = read_header(self.file.read(HEADER))
            if header is None:
                if self.growing:
                    return
                malformed("a box is cut short")
            kind, length, body = header
            if length == 0:
                length = self.size - offset
            if length < body:
                malformed(f"a box {kind!r} of {length} bytes")
            if offset + length > self.size:
                if self.growing:
                    return
                malformed(f"a box {kind!r} is cut short")
            yield kind, offset, length
            offset += length

    def _load(self, offset: int, length: int) -> bytes:
        if length > MOST_IN_MEMORY:
            malformed(f"a description of {length} bytes")
        self.file.seek(offset)
        return self.file.read(length)
