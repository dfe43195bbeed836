"""What is known of a finished (or growing) rendition's file."""

from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True, slots=True)
class Segment:
    """A run of whole fragments beginning with a key frame: what a player asks for at once."""

    offset: int
    size: int
    start: int
    """In ticks of the rendition's timescale."""
    duration: int
    sha256: str


@dataclass(frozen=True, slots=True)
class KeyFrame:
    """Where a key frame lies: from its fragment's start to the end of its first sample."""

    offset: int
    size: int
    start: int
    duration: int
    """Ticks until the next key frame."""


@dataclass(frozen=True, slots=True)
class Rendition:
    """An indexed fragmented MP4 file with one track; JSON through `records`."""

    kind: str
    """`video` or `audio`."""
    codecs: str
    """RFC 6381, read from the file: `avc1.64001f`, `av01.0.04M.08`, `mp4a.40.2`."""
    timescale: int
    init_size: int
    size: int
    width: int
    height: int
    channels: int
    sample_rate: int
    samples: int
    start: int
    duration: int
    """In ticks."""
    segments: tuple[Segment, ...]
    keyframes: tuple[KeyFrame, ...]
    """Empty for audio."""

    @property
    def seconds(self) -> float:
        """How long it plays."""
        return self.duration / self.timescale

    @property
    def frame_rate(self) -> Fraction:
        """Samples per second; meaningful for video."""
        return Fraction(self.samples * self.timescale, max(1, self.duration))

    @property
    def bandwidth(self) -> int:
        """Bits per second of the most demanding segment (HLS: BANDWIDTH)."""
        return max(
            (round(s.size * 8 * self.timescale / max(1, s.duration)) for s in self.segments),
            default=0,
        )

    @property
    def average_bandwidth(self) -> int:
        """Bits per second over the whole length (HLS: AVERAGE-BANDWIDTH)."""
        sizes = sum(segment.size for segment in self.segments)
        return round(sizes * 8 * self.timescale / max(1, self.duration))


def segment_hashes(rendition: Rendition) -> dict[str, str]:
    """SHA-256 by inclusive byte range, `{"720-99999": "ab…"}`, as PeerTube's players expect it."""
    return {
        f"{segment.offset}-{segment.offset + segment.size - 1}": segment.sha256
        for segment in rendition.segments
    }
