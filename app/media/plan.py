"""What is to be made of a file, as data: renditions, sound tracks, chunks."""

from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True, slots=True)
class LadderSettings:
    """What the site wants; every default is the one for a new site."""

    resolutions: tuple[int, ...] = (144, 240, 360, 480, 720, 1080, 1440, 2160)
    """Short sides of the renditions, in pixels; the source's own size is made too, up to the
    largest.
    """
    max_fps: int = 60
    encoder: str = "x264"
    """Name of a profile in `encoders.PROFILES`."""
    extra_encoder: str | None = None
    """A second codec for the same rungs (`svtav1`)."""
    may_copy: bool = True
    """Whether a web-safe source may be copied instead of encoded again."""
    gop_seconds: Fraction = Fraction(2)
    segment_gops: int = 2
    """Fragments in one segment of the playlists."""
    chunk_seconds: tuple[int, ...] = (4, 8, 16, 28)
    """Lengths of the chunks; the last repeats. The first is short: it is what plays first. They
    grow so that a viewer of a running transcode waits as little as possible for the next.
    """
    audio_bitrate: int = 128_000
    """Bits per second of stereo AAC; mono takes half."""
    max_audio_tracks: int = 8


@dataclass(frozen=True, slots=True)
class Rung:
    """One video rendition."""

    name: str
    """Unique in its plan and safe in a file name: `720p`, `720p-av1`."""
    resolution: int
    """The short side, the number a person chooses by."""
    width: int
    height: int
    fps: Fraction
    step: int
    """Every `step`-th frame of the time line is encoded (2 where 60 fps is halved below 720p)."""
    gop: int
    """Frames between two key frames of this rung."""
    max_bitrate: int
    encoder: str | None
    """Name of the encoder's profile; None: the source's stream is copied."""

    @property
    def is_copy(self) -> bool:
        """True when the rung is the source's own stream."""
        return self.encoder is None


@dataclass(frozen=True, slots=True)
class AudioTrack:
    """One audio rendition."""

    name: str
    """Unique in its plan and safe in a file name: `audio-0`, `audio-1-de`."""
    label: str
    """For the player's menu: the stream's title, else its language, else `Audio 1`."""
    stream: int
    """Index of the stream in the source."""
    language: str
    """As BCP 47 (`en`, `de`), empty when unknown."""
    is_default: bool
    channels: int
    sample_rate: int
    bitrate: int
    is_copy: bool


@dataclass(frozen=True, slots=True)
class Chunk:
    """A run of frames of the time line, encoded by itself."""

    index: int
    first: int
    frames: int


@dataclass(frozen=True, slots=True)
class Source:
    """What the filters need to know of the source's picture."""

    container: str
    stream: int
    is_seekable: bool
    start: Fraction
    """The source's clock at frame 0 of the time line, in seconds."""
    first_frame: Fraction
    """The source's clock at its first picture, in seconds; whole frames after `start`."""
    width: int
    height: int
    sample_aspect: Fraction
    rotation: int
    is_mirrored: bool
    is_interlaced: bool
    pixel_format: str
    transfer: str
    primaries: str
    matrix: str
    is_full_range: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that follows from a probe and the settings; JSON through `records`.

    The time line has a constant rate: frame n is shown at n / fps. Every rung has its key frames at
    multiples of the same two seconds, every chunk begins at a segment's start.
    """

    fps: Fraction
    gop: int
    frames: int
    duration: Fraction
    """Seconds: frames / fps."""
    rungs: tuple[Rung, ...]
    """Largest first."""
    audio: tuple[AudioTrack, ...]
    chunks: tuple[Chunk, ...]
    segment_seconds: Fraction
    source: Source
    is_still: bool
    """The source is sound only: a still picture is shown."""
    why_not_copied: str
    """Why the source's video is encoded again; empty when it is copied."""

    @property
    def encoded(self) -> tuple[Rung, ...]:
        """The rungs that must be encoded, largest first."""
        return tuple(rung for rung in self.rungs if not rung.is_copy)

    @property
    def copied(self) -> Rung | None:
        """The rung that is the source's own stream, if it is good enough."""
        return next((rung for rung in self.rungs if rung.is_copy), None)
