"""Measures a file's streams from its index or its packets, without decoding."""

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from typing import Final

import av.error
from av.container import InputContainer
from av.stream import Stream

from app.media import formats
from app.media.errors import MediaError, Reason

THINNED_TO: Final = Fraction(1, 2)
"""Seconds: no two key frames of the list are closer than this."""
EXACT_LENGTH: Final = frozenset({"flac", "wv", "tta", "ape"})
"""Containers whose header counts the samples: a shorter file is cut off."""
PEEK: Final = 4000
"""Packets that are read of a file which is measured again after `normalise`."""


@dataclass(slots=True)
class Timing:
    """One stream's clock; `start` and `end` in seconds, of what is shown."""

    unit: Fraction
    start: Fraction = Fraction(0)
    end: Fraction = Fraction(0)
    frames: int = 0
    size: int = 0
    is_cut_off: bool = False
    starts_with_key: bool = False
    has_hidden: bool = False
    times: "array[int]" = field(default_factory=lambda: array("q"))
    """In units, of every frame, sorted."""
    keyframes: list[Fraction] = field(default_factory=list)
    longest_gap: Fraction = Fraction(0)

    @property
    def bitrate(self) -> int:
        """Bits per second over the stream's length."""
        length = self.end - self.start
        return round(self.size * 8 / length) if length > 0 else 0

    def rate(self) -> tuple[Fraction, bool]:
        """Give frames per second of the usual distance of two frames, and whether they vary."""
        gaps = sorted(b - a for a, b in pairwise(self.times) if b > a)
        if not gaps:
            return Fraction(0), False
        middle = gaps[len(gaps) // 2]
        slack = max(middle * 0.1, 1.01 if middle > 3 else 0)  # clocks of milliseconds round
        usual = [gap for gap in gaps if abs(gap - middle) <= slack]
        varies = len(usual) < len(gaps) * 0.98
        return 1 / (Fraction(sum(usual), len(usual)) * self.unit), varies


def measure(media: InputContainer, container: str, streams: Sequence[Stream]) -> dict[int, Timing]:
    """Give the timing of each stream by its index.

    MP4 and MOV answer from their index; the packets of other files are read, except those of a
    container that is going to be rewritten anyway: there the first few thousand stand for all.
    """
    timings = {stream.index: Timing(stream.time_base or Fraction(1, 1000)) for stream in streams}
    indexed = [s for s in streams if container == "mov" and 0 < s.frames <= len(s.index_entries)]
    for stream in indexed:
        _measure_index(media, stream, timings[stream.index])
    unindexed = [stream for stream in streams if stream not in indexed]
    if unindexed:
        has_video = any(stream.type == "video" for stream in streams)
        peek = has_video and container not in (*formats.SEEKABLE, *formats.UNSEEKED)
        _measure_packets(media, unindexed, timings, PEEK if peek else None)
        for stream in unindexed:
            _check_length(stream, timings[stream.index], container, is_peek=peek)
    for stream in streams:
        _thin_keyframes(timings[stream.index])
    return timings


def _measure_index(media: InputContainer, stream: Stream, timing: Timing) -> None:
    size_of_file = media.size
    for entry in stream.index_entries:
        timing.size += entry.size
        if entry.pos + entry.size > size_of_file:
            timing.is_cut_off = True
        if entry.is_discard:
            timing.has_hidden = True
            continue
        if not timing.frames:
            timing.starts_with_key = entry.is_keyframe
        timing.frames += 1
        if stream.type == "video":
            timing.times.append(entry.timestamp)
            if entry.is_keyframe:
                timing.keyframes.append(entry.timestamp * timing.unit)
    timing.start = (stream.start_time or 0) * timing.unit
    timing.end = timing.start + (stream.duration or 0) * timing.unit
    if timing.times and not timing.has_hidden:  # the index counts by decoding time
        delay = timing.start - timing.times[0] * timing.unit
        timing.keyframes = [key + delay for key in timing.keyframes]


def _measure_packets(
    media: InputContainer, streams: Sequence[Stream], timings: dict[int, Timing], most: int | None
) -> None:
    ends: dict[int, int] = {}
    count = 0
    try:
        for packet in media.demux(list(streams)):
            time = packet.pts if packet.pts is not None else packet.dts
            if packet.size == 0 or time is None:
                continue
            timing = timings[packet.stream_index]
            timing.size += packet.size
            if packet.is_discard:
                timing.has_hidden = True
                continue
            if not timing.frames:
                timing.starts_with_key = packet.is_keyframe
                timing.start = time * timing.unit
            timing.frames += 1
            timing.start = min(timing.start, time * timing.unit)
            end = time + (packet.duration or 0)
            ends[packet.stream_index] = max(end, ends.get(packet.stream_index, end))
            if packet.stream.type == "video":
                timing.times.append(time)
                if packet.is_keyframe:
                    timing.keyframes.append(time * timing.unit)
            count += 1
            if count == most:
                break
    except av.error.FFmpegError as error:
        if not count:
            raise MediaError(
                Reason.DAMAGED, "This file is damaged: it could not be read.", str(error)
            ) from error
    for index, end in ends.items():
        timings[index].end = end * timings[index].unit


def _check_length(stream: Stream, timing: Timing, container: str, *, is_peek: bool) -> None:
    declared = (stream.duration or 0) * timing.unit
    if is_peek:
        timing.size = 0
        timing.end = max(timing.end, timing.start + declared)
    elif container in EXACT_LENGTH and declared - (timing.end - timing.start) > 1:
        timing.is_cut_off = True
    timing.times = array("q", sorted(timing.times))
    if timing.times:  # the last packet's duration is often missing or that of one field
        rate, _ = timing.rate()
        usual = 1 / rate if rate else Fraction(0)
        last = timing.times[-1] * timing.unit
        if timing.end < last + usual * Fraction(3, 4):
            timing.end = last + usual


def _thin_keyframes(timing: Timing) -> None:
    keys = sorted(timing.keyframes)
    marks = [*keys, timing.end] if keys else []
    timing.longest_gap = max(_gaps(marks), default=timing.end - timing.start)
    timing.keyframes = []
    for key in keys:
        if not timing.keyframes or key - timing.keyframes[-1] >= THINNED_TO:
            timing.keyframes.append(key)


def _gaps(marks: Sequence[Fraction]) -> Iterable[Fraction]:
    return (after - before for before, after in pairwise(marks))
