"""What a file holds, found out in a child process under limits.

PyAV reads packets at a quarter of the CPU of an `ffprobe` process, and gives key frames as well; it
is imported only in the child, so that a crash or a greedy file ends the child and the worker stays
small.
"""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final

from app.media import records, sandbox
from app.media.limits import PROBE_LIMITS, Limits

HIGH_DEFINITION: Final = 720


def assumed_matrix(width: int, height: int) -> str:
    """The matrix that players take an untagged picture of this size for: BT.709 from 720 lines."""
    return "bt709" if min(width, height) >= HIGH_DEFINITION else "smpte170m"


@dataclass(frozen=True, slots=True)
class Colour:
    """How a picture's numbers mean colours; ffmpeg's names, `unknown` where untagged."""

    primaries: str
    transfer: str
    matrix: str
    is_full_range: bool

    @property
    def is_hdr(self) -> bool:
        """True for PQ (HDR10, Dolby Vision's base) and HLG."""
        return self.transfer in ("smpte2084", "arib-std-b67")


@dataclass(frozen=True, slots=True)
class VideoStream:
    """The moving picture that is shown; times in seconds on the container's own clock."""

    index: int
    codec: str
    profile: str
    level: int
    pixel_format: str
    bit_depth: int
    width: int
    height: int
    sample_aspect: Fraction
    rotation: int
    """Degrees clockwise (0, 90, 180, 270) to turn the decoded picture upright."""
    is_mirrored: bool
    """True when it must be flipped left to right as well, after turning."""
    frame_rate: Fraction
    """The nominal rate: one over the usual distance of two frames."""
    average_rate: Fraction
    is_vfr: bool
    is_interlaced: bool
    colour: Colour
    bitrate: int
    frames: int
    start: Fraction
    end: Fraction
    starts_with_key: bool
    has_hidden_frames: bool
    """True when an edit list hides decoded frames: such a stream cannot simply be copied."""
    keyframes: tuple[float, ...]
    """Times of key frames, thinned to at most two a second."""
    longest_keyframe_gap: float

    @property
    def display_size(self) -> tuple[int, int]:
        """Width and height as shown: pixels squared, turned upright (may be odd)."""
        width, height = self.width, self.height
        if self.sample_aspect > 1:
            width = round(width * self.sample_aspect)
        elif self.sample_aspect < 1:
            height = round(height / self.sample_aspect)
        return (height, width) if self.rotation in (90, 270) else (width, height)


@dataclass(frozen=True, slots=True)
class AudioStream:
    """One sound track; times in seconds on the container's own clock."""

    index: int
    codec: str
    profile: str
    channels: int
    sample_rate: int
    bitrate: int
    language: str
    title: str
    is_default: bool
    start: Fraction
    end: Fraction


@dataclass(frozen=True, slots=True)
class AttachedPicture:
    """Cover art inside a file."""

    index: int
    codec: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Subtitle:
    """A subtitle track inside a file."""

    index: int
    codec: str
    language: str
    title: str


@dataclass(frozen=True, slots=True)
class Chapter:
    """A chapter mark; `start` in seconds from the beginning of what is shown."""

    start: float
    title: str


@dataclass(frozen=True, slots=True)
class Probe:
    """What a file holds. `records.dump` and `records.load` turn it into JSON and back."""

    container: str
    """ffmpeg's demuxer, e.g. `mov`, `matroska`, `mpegts`."""
    size: int
    duration: Fraction
    """Seconds from the first to the last picture or sound that is shown."""
    video: VideoStream | None
    audio: tuple[AudioStream, ...]
    pictures: tuple[AttachedPicture, ...]
    subtitles: tuple[Subtitle, ...]
    chapters: tuple[Chapter, ...]
    title: str


async def probe(path: Path, *, limits: Limits = PROBE_LIMITS, nice: int = 5) -> Probe:
    """Say what `path` holds.

    Raises MediaError with a reason of the file's fault for everything that is not a readable,
    finite, whole video or sound file: EMPTY, NOT_MEDIA, PLAYLIST, TRUNCATED, DAMAGED, NO_STREAMS,
    UNSUPPORTED_CODEC, ENCRYPTED, TOO_LARGE_PICTURE, TOO_LONG, TOO_MANY_STREAMS, TOO_EXPENSIVE.
    """
    value = await sandbox.call(
        "app.media.sandboxed.probe:probe", {"path": path}, limits=limits, nice=nice
    )
    return records.load(Probe, value)
