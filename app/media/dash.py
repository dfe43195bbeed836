"""The DASH manifest over the same files, as text."""

from collections.abc import Iterable, Sequence
from xml.sax.saxutils import escape, quoteattr

from app.media.playlists import AudioVariant, Variant, printable
from app.media.renditions import Rendition, Segment


def manifest(variants: Sequence[Variant], audio: Sequence[AudioVariant] = ()) -> str:
    """A static MPD with a SegmentList per representation, by byte ranges of the `media_uri`s.

    Renditions whose segments begin at the same times share an adaptation set, so that players may
    switch between them; a copied source has its own key frames and so its own set.
    """
    renditions = [*(one.rendition for one in variants), *(one.rendition for one in audio)]
    length = max((rendition.seconds for rendition in renditions), default=0.0)
    sets = [_video_set(group) for group in _switchable(variants)]
    sets += [_audio_set(track) for track in audio]
    return "\n".join(
        (
            '<?xml version="1.0" encoding="UTF-8"?>',
            (
                '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011"'
                ' profiles="urn:mpeg:dash:profile:isoff-main:2011" type="static"'
                f' mediaPresentationDuration="PT{length:.3f}S" minBufferTime="PT4S">'
            ),
            "<Period>",
            *sets,
            "</Period>",
            "</MPD>",
            "",
        )
    )


def _switchable(variants: Sequence[Variant]) -> Iterable[list[Variant]]:
    groups: dict[tuple[str, tuple[int, ...]], list[Variant]] = {}
    for variant in variants:
        rendition = variant.rendition
        starts = tuple(
            round(segment.start * 1000 / rendition.timescale) for segment in rendition.segments
        )
        groups.setdefault((rendition.codecs[:4], starts), []).append(variant)
    return groups.values()


def _video_set(variants: Sequence[Variant]) -> str:
    representations = [
        _representation(
            variant.rendition,
            variant.media_uri,
            variant.bandwidth or variant.rendition.bandwidth,
            f' width="{variant.rendition.width}" height="{variant.rendition.height}"'
            f' frameRate="{variant.frame_rate or variant.rendition.frame_rate}"',
        )
        for variant in variants
    ]
    return _set('contentType="video" mimeType="video/mp4"', representations)


def _audio_set(track: AudioVariant) -> str:
    language = f" lang={quoteattr(printable(track.language))}" if track.language else ""
    role = "main" if track.is_default else "alternate"
    representation = _representation(
        track.rendition,
        track.media_uri,
        track.rendition.bandwidth,
        f' audioSamplingRate="{track.rendition.sample_rate}"',
    )
    return _set(
        f'contentType="audio" mimeType="audio/mp4"{language}',
        [
            f"<Label>{escape(printable(track.label))}</Label>",
            f'<Role schemeIdUri="urn:mpeg:dash:role:2011" value="{role}"/>',
            representation,
        ],
    )


def _set(attributes: str, content: Sequence[str]) -> str:
    start = f'<AdaptationSet {attributes} segmentAlignment="true" startWithSAP="1">'
    return "\n".join((start, *content, "</AdaptationSet>"))


def _representation(rendition: Rendition, uri: str, bandwidth: int, attributes: str) -> str:
    name = quoteattr(uri.rsplit("/", 1)[-1].removesuffix(".mp4"))
    codecs = f"codecs={quoteattr(rendition.codecs)}"
    segments = "".join(f'<SegmentURL mediaRange="{_range(s)}"/>' for s in rendition.segments)
    return "\n".join(
        (
            f'<Representation id={name} {codecs} bandwidth="{bandwidth}"{attributes}>',
            f"<BaseURL>{escape(uri)}</BaseURL>",
            f'<SegmentList timescale="{rendition.timescale}">',
            f'<Initialization range="0-{rendition.init_size - 1}"/>',
            f"<SegmentTimeline>{_timeline(rendition)}</SegmentTimeline>",
            segments,
            "</SegmentList>",
            "</Representation>",
        )
    )


def _timeline(rendition: Rendition) -> str:
    """Runs of equal lengths are written once (`r` counts the repetitions)."""
    runs: list[list[int]] = []
    for segment in rendition.segments:
        if runs and runs[-1][0] == segment.duration:
            runs[-1][1] += 1
        else:
            runs.append([segment.duration, 0])
    first = f' t="{rendition.start}"'
    return "".join(
        f"<S{first if number == 0 else ''}{_run(length, repeats)}/>"
        for number, (length, repeats) in enumerate(runs)
    )


def _run(length: int, repeats: int) -> str:
    return f' d="{length}" r="{repeats}"' if repeats else f' d="{length}"'


def _range(segment: Segment) -> str:
    return f"{segment.offset}-{segment.offset + segment.size - 1}"
