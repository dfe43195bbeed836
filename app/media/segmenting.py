"""Groups fragments into segments, and hashes them, while their bytes go by."""

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from typing import BinaryIO, Final

from app.media.boxes import malformed
from app.media.errors import MediaError, Reason
from app.media.fragments import Fragment
from app.media.pieces import Beginning
from app.media.renditions import KeyFrame, Rendition, Segment

BLOCK: Final = 1024 * 1024
OVERLENGTH: Final = Fraction(11, 10)
"""A segment may be this much longer than wished: sound does not divide into whole seconds."""


class Segmenter:
    """Groups fragments into segments while their bytes go by."""

    def __init__(self, beginning: Beginning, segment_seconds: Fraction) -> None:
        self.track = beginning.track
        self.init_size = len(beginning.data)
        self.most = segment_seconds * self.track.timescale * OVERLENGTH
        self.segments: list[Segment] = []
        self.keyframes: list[KeyFrame] = []
        self.samples = 0
        self.open_samples = 0
        self.start: int | None = None
        self.next_start = 0
        self.offset = 0
        self.size = 0
        self.segment_start = 0
        self.hash = hashlib.sha256()

    def refuse_gap(self, fragment: Fragment, number: int) -> None:
        """Chunks must follow each other tick by tick."""
        if self.start is not None and fragment.start != self.next_start:
            raise mismatch(
                f"chunk {number} begins at {fragment.start} instead of {self.next_start}"
            )

    def begin(self, fragment: Fragment, offset: int) -> None:
        """A fragment comes, at `offset` of the file."""
        if self.start is None:
            self.start = self.segment_start = self.next_start = fragment.start
            self.offset = offset
        else:
            length = fragment.start + fragment.duration - self.segment_start
            if length > self.most and (fragment.is_key or self.track.kind == "audio"):
                self._close(fragment.start)
                self.offset, self.segment_start = offset, fragment.start
        if fragment.is_key and self.track.kind == "video":
            self.keyframes.append(KeyFrame(offset, fragment.first_sample_end, fragment.start, 0))
        self.open_samples += fragment.samples
        self.next_start = fragment.start + fragment.duration

    def hash_bytes(self, data: bytes) -> None:
        """These bytes of the fragment are in the file."""
        self.hash.update(data)

    def hash_file(self, file: BinaryIO, offset: int, size: int) -> None:
        """These bytes of a file are the fragment."""
        for data in blocks(file, offset, size):
            self.hash.update(data)

    def end(self, offset: int) -> None:
        """The fragment ends before `offset`."""
        self.size = offset - self.offset

    def _close(self, next_start: int) -> None:
        self.segments.append(
            Segment(
                offset=self.offset,
                size=self.size,
                start=self.segment_start,
                duration=next_start - self.segment_start,
                sha256=self.hash.hexdigest(),
            )
        )
        self.hash = hashlib.sha256()
        self.samples += self.open_samples
        self.open_samples = 0

    def finish(self, *, drop_last: bool = False) -> Rendition:
        """Everything has gone by; `drop_last` leaves out the segment that may still grow."""
        if self.start is None and not drop_last:
            malformed("no fragment")
        if self.start is not None and not drop_last:
            self._close(self.next_start)
        start = self.start or 0
        last = self.segments[-1] if self.segments else None
        end = last.start + last.duration if last else start
        marks = [*(key.start for key in self.keyframes), end]
        track = self.track
        return Rendition(
            kind=track.kind,
            codecs=track.codecs,
            timescale=track.timescale,
            init_size=self.init_size,
            size=last.offset + last.size if last else self.init_size,
            width=track.width,
            height=track.height,
            channels=track.channels,
            sample_rate=track.sample_rate,
            samples=self.samples,
            start=start,
            duration=end - start,
            segments=tuple(self.segments),
            keyframes=tuple(
                replace(key, duration=after - key.start)
                for key, after in zip(self.keyframes, marks[1:], strict=True)
                if key.start < end
            ),
        )


def blocks(file: BinaryIO, offset: int, size: int) -> Iterator[bytes]:
    """Read a range of a file a megabyte at a time."""
    file.seek(offset)
    while size > 0:
        data = file.read(min(size, BLOCK))
        if not data:
            malformed("the file became shorter while it was read")
        yield data
        size -= len(data)


def mismatch(detail: str) -> MediaError:
    """The error for chunks that do not fit together."""
    return MediaError(
        Reason.CHUNK_MISMATCH, "The parts of the converted video do not fit together.", detail
    )
