"""Makes one film of a picture and its sound by their boxes alone: no re-mux, no program.

Our renditions are fragmented MP4 with one track; their fragments count bytes from themselves and
carry their own times. Laid one after the other they are a film with two tracks as soon as those of
the sound say that they are the second. No length changes, so that a film's size and any part of it
are known before it is made. Fragments keep the sequence numbers of their own files: players go by
times.
"""

import re
import struct
from dataclasses import dataclass
from typing import Final

from app.media.boxes import Box, Fields, child, children, malformed

SOUND_TRACK: Final = 2
_MAP = re.compile(r'#EXT-X-MAP:.*BYTERANGE="(\d+)@0"')
_RANGE = re.compile(r"#EXTINF:([\d.]+),.*\n#EXT-X-BYTERANGE:(\d+)@(\d+)")


@dataclass(frozen=True, slots=True)
class Stretch:
    """A segment's bytes in the file of its rendition; times in seconds."""

    start: float
    seconds: float
    offset: int
    size: int


def read_playlist(text: str) -> tuple[int, list[Stretch]]:
    """How long a file's beginning is, and its segments, from the playlist of one whole file.

    Raises MediaError BAD_PACKAGE.
    """
    beginning = _MAP.search(text)
    if beginning is None:
        malformed("a playlist without a beginning")
    start, stretches = 0.0, []
    for seconds, size, offset in _RANGE.findall(text):
        stretches.append(Stretch(start, float(seconds), int(offset), int(size)))
        start += float(seconds)
    return int(beginning[1]), stretches


def beginning(picture: bytes, sound: bytes, *, seconds: float) -> bytes:
    """The beginning of a film of that length, from those of its picture and its sound.

    Raises MediaError BAD_PACKAGE.
    """
    brands, film = _top(picture, b"ftyp"), _top(picture, b"moov")
    track = _top(sound, b"moov")
    clock = bytearray(_whole(picture, child(picture, film, b"mvhd")))
    clock[-4:] = struct.pack(">I", SOUND_TRACK + 1)  # the number of the next track
    defaults = child(picture, film, b"mvex"), child(sound, track, b"mvex")
    return _whole(picture, brands) + _box(
        b"moov",
        bytes(clock),
        _whole(picture, child(picture, film, b"trak")),
        _second_track(sound, child(sound, track, b"trak")),
        _box(
            b"mvex",
            _length(Fields(picture, child(picture, film, b"mvhd")), seconds),
            _whole(picture, child(picture, defaults[0], b"trex")),
            _numbered(sound, child(sound, defaults[1], b"trex"), 4),
        ),
    )


def second(fragments: bytes) -> bytes:
    """Whole fragments of a one-track file as ones of the second track; no byte more or less.

    Raises MediaError BAD_PACKAGE.
    """
    changed = bytearray(fragments)
    for box in children(fragments, 0, len(fragments)):
        if box.kind == b"moof":
            head = child(fragments, child(fragments, box, b"traf"), b"tfhd")
            changed[head.start : head.end] = _numbered(fragments, head, 4)
    return bytes(changed)


def _length(clock: Fields, seconds: float) -> bytes:
    """The box that tells players how long all fragments are together, in ticks of the film."""
    version, _ = clock.version_and_flags()
    clock.skip(16 if version else 8)
    return _box(b"mehd", struct.pack(">IQ", 1 << 24, round(seconds * clock.number(4))))


def _second_track(data: bytes, trak: Box) -> bytes:
    head = child(data, trak, b"tkhd")
    # after version and flags two times, of eight bytes each in version 1, else of four
    numbered = _numbered(data, head, 20 if data[head.body] else 12)
    return data[trak.start : head.start] + numbered + data[head.end : trak.end]


def _numbered(data: bytes, box: Box, at: int) -> bytes:
    """A box with the number of the second track `at` bytes into its body."""
    if box.body + at + 4 > box.end:
        malformed(f"{box.kind!r} is too short")
    changed = bytearray(_whole(data, box))
    struct.pack_into(">I", changed, box.body - box.start + at, SOUND_TRACK)
    return bytes(changed)


def _top(data: bytes, kind: bytes) -> Box:
    found = next((box for box in children(data, 0, len(data)) if box.kind == kind), None)
    if found is None:
        malformed(f"no {kind!r}")
    return found


def _whole(data: bytes, box: Box) -> bytes:
    return data[box.start : box.end]


def _box(kind: bytes, *contents: bytes) -> bytes:
    content = b"".join(contents)
    return struct.pack(">I4s", 8 + len(content), kind) + content
