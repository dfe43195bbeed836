"""HLS playlists of indexed renditions, as text."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.media.package import Rendition


@dataclass(frozen=True, slots=True)
class Variant:
    """One video rendition in a master playlist."""

    uri: str
    """Of its media playlist, relative to the master playlist."""
    media_uri: str
    """Of its media file, relative to the DASH manifest."""
    rendition: Rendition
    iframes_uri: str | None = None
    bandwidth: int | None = None
    """Overrides the measured peak, e.g. while a rung is still growing."""
    average_bandwidth: int | None = None


@dataclass(frozen=True, slots=True)
class AudioVariant:
    """One audio rendition in a master playlist."""

    uri: str
    media_uri: str
    rendition: Rendition
    label: str
    language: str
    is_default: bool


@dataclass(frozen=True, slots=True)
class SubtitleVariant:
    """One subtitle playlist in a master playlist."""

    uri: str
    label: str
    language: str
    is_default: bool = False


def media_playlist(rendition: Rendition, uri: str) -> str:
    """The finished (VOD) playlist of one file at `uri`, by byte ranges."""
    raise NotImplementedError


def event_playlist(
    parts: Sequence[tuple[str, Rendition]], *, target_seconds: int, is_complete: bool = False
) -> str:
    """The growing playlist over the files of several chunks, in order."""
    raise NotImplementedError


def iframe_playlist(rendition: Rendition, uri: str) -> str:
    """The I-frames-only playlist of one video file, for trick play."""
    raise NotImplementedError


def master_playlist(
    variants: Sequence[Variant],
    audio: Sequence[AudioVariant] = (),
    subtitles: Sequence[SubtitleVariant] = (),
) -> str:
    """The master playlist, in the given order (players start with the first)."""
    raise NotImplementedError
