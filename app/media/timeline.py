"""The constant-rate time line that every rendition and every chunk is cut from."""

from fractions import Fraction
from itertools import chain, repeat
from math import ceil
from typing import Final

from app.media.plan import Chunk
from app.media.probe import Probe, VideoStream

STANDARD_RATES: Final = tuple(
    Fraction(rate)
    for rate in (
        *("5", "6", "8", "10", "12", "12.5", "15", "16", "18", "20"),
        *("24000/1001", "24", "25", "30000/1001", "30", "48000/1001", "48", "50"),
        *("60000/1001", "60", "90", "100", "120000/1001", "120", "144", "240000/1001", "240"),
    )
)
LEAD_CUT: Final = Fraction(1, 4)
"""Seconds: where the sound begins by less than this before the picture, that much of it is left
out, so that the first picture is frame 0 and a good stream can be copied.
"""
TAIL_LEFT: Final = Fraction(1)
"""Seconds: where the sound is longer by more than this, the last picture stays until its end."""
SMOOTH: Final = Fraction(61, 2)
"""Frames a second: above this the small renditions take every second frame."""


def frame_rate(video: VideoStream, max_fps: int) -> Fraction:
    """Choose the constant rate: the source's nominal one, or a whole part of it within `max_fps`.

    Sources of a varying rate get the whole standard rate nearest to their usual one, because their
    measured one (29.87…) would drop or double a frame every few seconds. Slide shows get at least
    one frame a second, so that two seconds hold a key frame.
    """
    rate = video.frame_rate if video.frame_rate > 0 else video.average_rate
    if rate <= 0:
        rate = Fraction(25)
    length = max(video.end - video.start, Fraction(1, 10))
    measured = Fraction(1, 2500) + Fraction(3, 1000) / length  # clocks of milliseconds round
    tolerance = Fraction(8, 100) if video.is_vfr else measured
    known = [one for one in STANDARD_RATES if one.denominator == 1 or not video.is_vfr]
    nearest = min(known, key=lambda standard: abs(standard / rate - 1))
    if abs(nearest / rate - 1) <= tolerance:
        rate = nearest
    if rate > max_fps:
        rate /= ceil(rate / max_fps)
    if rate < 1:
        rate *= ceil(1 / rate)
    return rate.limit_denominator(1001)


def gop_of(fps: Fraction, seconds: Fraction) -> int:
    """Frames between key frames; even where small renditions take every second frame."""
    gop = max(1, round(fps * seconds))
    return gop + gop % 2 if fps > SMOOTH else gop


def origin(probe: Probe, video: VideoStream, fps: Fraction) -> Fraction:
    """The source's clock at frame 0: the first picture, or whole frames before it.

    Whole frames, so that the pictures of a constant-rate source fall on frames and not between
    them.
    """
    lead = video.start - min((sound.start for sound in probe.audio), default=video.start)
    if lead <= LEAD_CUT:
        return video.start
    return video.start - ceil(lead * fps) / fps


def frame_count(probe: Probe, video: VideoStream, fps: Fraction, start: Fraction) -> int:
    """How many frames the time line has."""
    end = video.end
    sound_end = max((sound.end for sound in probe.audio), default=end)
    if sound_end > end + TAIL_LEFT:
        end = sound_end
    return max(1, round((end - start) * fps))


def cut_into_chunks(
    frames: int, fps: Fraction, segment: int, seconds: tuple[int, ...]
) -> tuple[Chunk, ...]:
    """Cut the time line: lengths as in `seconds` (the last repeats), each a multiple of `segment`
    frames; what remains at the end joins the chunk before if it is short."""
    lengths = [max(1, round(length * fps / segment)) * segment for length in seconds]
    chunks: list[Chunk] = []
    first = 0
    for length in chain(lengths, repeat(lengths[-1])):
        if first >= frames:
            break
        rest = frames - first
        size = rest if rest < length + max(segment, length // 4) else length
        chunks.append(Chunk(index=len(chunks), first=first, frames=size))
        first += size
    return tuple(chunks)
