"""What a `moof` says about the samples after it, and how to move it on the time line."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from app.media.boxes import Box, Fields, child, children, malformed
from app.media.tracks import Track

NOT_A_KEY: Final = 0x10000
MOST_SAMPLES: Final = 1_000_000

# flags of tfhd
BASE_DATA_OFFSET: Final = 0x000001
DESCRIPTION_INDEX: Final = 0x000002
DEFAULT_DURATION: Final = 0x000008
DEFAULT_SIZE: Final = 0x000010
DEFAULT_FLAGS: Final = 0x000020
# flags of trun
DATA_OFFSET: Final = 0x000001
FIRST_FLAGS: Final = 0x000004
DURATIONS: Final = 0x000100
SIZES: Final = 0x000200
FLAGS: Final = 0x000400
COMPOSITION: Final = 0x000800


@dataclass(frozen=True, slots=True)
class Fragment:
    """One movie fragment; times in the track's ticks."""

    start: int
    duration: int
    samples: int
    is_key: bool
    """Its first sample is a key frame."""
    first_sample_end: int
    """Bytes from the start of the moof to the end of the first sample."""
    sequence_at: int
    start_at: int
    start_size: int
    """Where in the moof its sequence number and its start are written, and in how many bytes."""


@dataclass(frozen=True, slots=True)
class _Sample:
    duration: int
    size: int
    flags: int


def read_fragment(moof: bytes, track: Track) -> Fragment:
    """Read a whole `moof` box. Raises MediaError BAD_PACKAGE."""
    root = next(children(moof, 0, len(moof)), None)
    if root is None or root.kind != b"moof":
        malformed("no moof")
    trafs = [box for box in children(moof, root.body, root.end) if box.kind == b"traf"]
    if len(trafs) != 1:
        malformed(f"{len(trafs)} tracks in a fragment instead of one")
    default = _read_defaults(Fields(moof, child(moof, trafs[0], b"tfhd")), track)
    time = Fields(moof, child(moof, trafs[0], b"tfdt"))
    start_size = 8 if time.version_and_flags()[0] else 4
    start_at = time.at
    runs = [box for box in children(moof, trafs[0].body, trafs[0].end) if box.kind == b"trun"]
    duration, count, first, first_offset = 0, 0, None, 0
    for run in runs:
        offset, samples = _read_run(moof, run, default)
        for sample in samples:
            if first is None:
                first, first_offset = sample, offset
            duration += sample.duration
            count += 1
    if first is None:
        malformed("a fragment without samples")
    return Fragment(
        start=time.number(start_size),
        duration=duration,
        samples=count,
        is_key=not first.flags & NOT_A_KEY,
        first_sample_end=first_offset + first.size,
        sequence_at=child(moof, root, b"mfhd").body + 4,
        start_at=start_at,
        start_size=start_size,
    )


def _read_defaults(fields: Fields, track: Track) -> _Sample:
    _, flags = fields.version_and_flags()
    fields.skip(4)
    if flags & BASE_DATA_OFFSET:
        malformed("data offsets count from the start of the file")
    fields.skip(4 if flags & DESCRIPTION_INDEX else 0)
    return _Sample(
        duration=fields.number(4) if flags & DEFAULT_DURATION else track.default_duration,
        size=fields.number(4) if flags & DEFAULT_SIZE else track.default_size,
        flags=fields.number(4) if flags & DEFAULT_FLAGS else track.default_flags,
    )


def _read_run(moof: bytes, run: Box, default: _Sample) -> tuple[int, Iterator[_Sample]]:
    fields = Fields(moof, run)
    _, flags = fields.version_and_flags()
    count = fields.number(4)
    if count > MOST_SAMPLES:
        malformed(f"a fragment of {count} samples")
    offset = fields.signed() if flags & DATA_OFFSET else 0
    first_flags = fields.number(4) if flags & FIRST_FLAGS else None
    return offset, _read_samples(fields, flags, count, default, first_flags)


def _read_samples(
    fields: Fields, flags: int, count: int, default: _Sample, first_flags: int | None
) -> Iterator[_Sample]:
    for number in range(count):
        duration = fields.number(4) if flags & DURATIONS else default.duration
        size = fields.number(4) if flags & SIZES else default.size
        own = fields.number(4) if flags & FLAGS else default.flags
        fields.skip(4 if flags & COMPOSITION else 0)
        is_first = number == 0 and first_flags is not None
        yield _Sample(duration, size, first_flags if is_first and first_flags is not None else own)


def moved(moof: bytes, fragment: Fragment, *, start: int, sequence: int) -> bytes:
    """The same `moof` with another start and sequence number; nothing changes its length."""
    changed = bytearray(moof)
    if start < 0 or start >= 1 << 8 * fragment.start_size:
        malformed(f"a start of {start} does not fit in {fragment.start_size} bytes")
    changed[fragment.start_at : fragment.start_at + fragment.start_size] = start.to_bytes(
        fragment.start_size, "big"
    )
    if fragment.sequence_at + 4 > len(moof):
        malformed("mfhd is too short")
    changed[fragment.sequence_at : fragment.sequence_at + 4] = (sequence & 0xFFFFFFFF).to_bytes(
        4, "big"
    )
    return bytes(changed)
