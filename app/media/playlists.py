"""HLS playlists of indexed renditions, as text."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

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
    frame_rate: Fraction | None = None
    """Overrides the measured one: the rung's `fps`, where a copied source's clock is coarse."""


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
    return _lines(
        *_head(target_duration(rendition), "VOD"),
        *_part(uri, rendition),
        "#EXT-X-ENDLIST",
    )


def event_playlist(
    parts: Sequence[tuple[str, Rendition]], *, target_seconds: int, is_complete: bool = False
) -> str:
    """The growing playlist over the files of several chunks, in order.

    Each chunk's file comes with its own beginning (EXT-X-MAP) and continues the times of the one
    before, so there is no discontinuity. hls.js refuses a playlist in which segments it knows have
    another address: when all chunks are there, end this one with `is_complete` and give the joined
    files playlists (and a master) of other names. `target_seconds` must not change while it grows
    and no segment may be longer: `ceil(plan.segment_seconds)` for encoded rungs, the longest key
    frame gap for a copied one.
    """
    lines = [line for uri, rendition in parts for line in _part(uri, rendition)]
    end = ["#EXT-X-ENDLIST"] if is_complete else []
    return _lines(*_head(target_seconds, "EVENT"), *lines, *end)


def iframe_playlist(rendition: Rendition, uri: str) -> str:
    """The I-frames-only playlist of one video file, for trick play."""
    keys = rendition.keyframes
    longest = max((key.duration / rendition.timescale for key in keys), default=1)
    lines = [_map(uri, rendition)]
    for key in keys:
        lines.append(f"#EXTINF:{key.duration / rendition.timescale:.6f},")
        lines += [f"#EXT-X-BYTERANGE:{key.size}@{key.offset}", uri]
    head = [*_head(_rounded(longest), "VOD"), "#EXT-X-I-FRAMES-ONLY"]
    return _lines(*head, *lines, "#EXT-X-ENDLIST")


def master_playlist(
    variants: Sequence[Variant],
    audio: Sequence[AudioVariant] = (),
    subtitles: Sequence[SubtitleVariant] = (),
) -> str:
    """The master playlist, in the given order (players start with the first)."""
    sound = max((track.rendition.bandwidth for track in audio), default=0)
    average = max((track.rendition.average_bandwidth for track in audio), default=0)
    sound_codec = audio[0].rendition.codecs if audio else ""
    lines = [f"#EXT-X-MEDIA:{_audio_attributes(track)}" for track in audio]
    lines += [f"#EXT-X-MEDIA:{_subtitle_attributes(track)}" for track in subtitles]
    for variant in variants:
        rendition = variant.rendition
        mean = variant.average_bandwidth or rendition.average_bandwidth
        attributes = [
            f"BANDWIDTH={(variant.bandwidth or rendition.bandwidth) + sound}",
            f"AVERAGE-BANDWIDTH={mean + average}",
            f'CODECS="{",".join(filter(None, (rendition.codecs, sound_codec)))}"',
            f"RESOLUTION={rendition.width}x{rendition.height}",
            f"FRAME-RATE={float(variant.frame_rate or rendition.frame_rate):.3f}",
            *(['AUDIO="audio"'] if audio else []),
            *(['SUBTITLES="subtitles"'] if subtitles else []),
        ]
        lines += [f"#EXT-X-STREAM-INF:{','.join(attributes)}", variant.uri]
    for variant in variants:
        if variant.iframes_uri is not None:
            lines.append(f"#EXT-X-I-FRAME-STREAM-INF:{_iframe_attributes(variant)}")
    return _lines("#EXTM3U", "#EXT-X-VERSION:7", "#EXT-X-INDEPENDENT-SEGMENTS", *lines)


def target_duration(rendition: Rendition) -> int:
    """EXT-X-TARGETDURATION: the longest segment, rounded (RFC 8216, 4.3.3.1)."""
    longest = max((segment.duration for segment in rendition.segments), default=0)
    return _rounded(longest / rendition.timescale)


def _rounded(seconds: float) -> int:
    return max(1, int(seconds + 0.5))


def _head(target: int, kind: str) -> list[str]:
    return [
        "#EXTM3U",
        "#EXT-X-VERSION:7",
        f"#EXT-X-TARGETDURATION:{target}",
        "#EXT-X-MEDIA-SEQUENCE:0",
        f"#EXT-X-PLAYLIST-TYPE:{kind}",
        "#EXT-X-INDEPENDENT-SEGMENTS",
        # players would take a playlist that grows for a live, and begin at its end
        *(["#EXT-X-START:TIME-OFFSET=0,PRECISE=YES"] if kind == "EVENT" else []),
    ]


def _map(uri: str, rendition: Rendition) -> str:
    return f'#EXT-X-MAP:URI="{uri}",BYTERANGE="{rendition.init_size}@0"'


def _part(uri: str, rendition: Rendition) -> list[str]:
    lines = [_map(uri, rendition)]
    for segment in rendition.segments:
        lines.append(f"#EXTINF:{segment.duration / rendition.timescale:.6f},")
        lines += [f"#EXT-X-BYTERANGE:{segment.size}@{segment.offset}", uri]
    return lines


def _audio_attributes(track: AudioVariant) -> str:
    attributes = [
        "TYPE=AUDIO",
        'GROUP-ID="audio"',
        f'NAME="{_quotable(track.label)}"',
        *([f'LANGUAGE="{_quotable(track.language)}"'] if track.language else []),
        f"DEFAULT={'YES' if track.is_default else 'NO'}",
        "AUTOSELECT=YES",
        f'CHANNELS="{track.rendition.channels}"',
        f'URI="{track.uri}"',
    ]
    return ",".join(attributes)


def _subtitle_attributes(track: SubtitleVariant) -> str:
    attributes = [
        "TYPE=SUBTITLES",
        'GROUP-ID="subtitles"',
        f'NAME="{_quotable(track.label)}"',
        *([f'LANGUAGE="{_quotable(track.language)}"'] if track.language else []),
        f"DEFAULT={'YES' if track.is_default else 'NO'}",
        "AUTOSELECT=YES",
        f'URI="{track.uri}"',
    ]
    return ",".join(attributes)


def _iframe_attributes(variant: Variant) -> str:
    rendition = variant.rendition
    size = sum(key.size for key in rendition.keyframes)
    peak = max(
        (key.size * 8 * rendition.timescale / max(1, key.duration) for key in rendition.keyframes),
        default=0,
    )
    average = size * 8 * rendition.timescale / max(1, rendition.duration)
    return ",".join(
        (
            f"BANDWIDTH={max(1, round(peak))}",
            f"AVERAGE-BANDWIDTH={max(1, round(average))}",
            f'CODECS="{rendition.codecs}"',
            f"RESOLUTION={rendition.width}x{rendition.height}",
            f'URI="{variant.iframes_uri}"',
        )
    )


def _quotable(text: str) -> str:
    """A quoted string may hold neither quotes nor line breaks (RFC 8216, 4.2)."""
    return printable(text).replace('"', "'")


def printable(text: str) -> str:
    """Text of strangers without the control characters that neither HLS nor XML can carry."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _lines(*lines: str) -> str:
    return "\n".join(lines) + "\n"
