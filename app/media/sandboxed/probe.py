"""Says what a file holds; the child's half of `app.media.probe`."""

import math
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Final, cast

import av
from av.audio.codeccontext import AudioCodecContext
from av.audio.layout import AudioLayout
from av.audio.stream import AudioStream as AvAudioStream
from av.container import InputContainer
from av.stream import Disposition, Stream
from av.video.stream import VideoStream as AvVideoStream

from app.media import formats, records
from app.media.errors import MediaError, Reason
from app.media.probe import AttachedPicture, AudioStream, Chapter, Probe, Subtitle, VideoStream
from app.media.sandboxed.opening import is_cut_off, open_media, refuse_encrypted
from app.media.sandboxed.picture import describe_video
from app.media.sandboxed.timing import Timing, measure

LONGEST: Final = 24 * 3600
STILL: Final = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image


def probe(argument: object) -> object:
    """Take `{"path": …}`, give a dumped Probe."""
    path = Path(cast("dict[str, str]", argument)["path"])
    with open_media(path) as media:
        return records.dump(_probe(path, media))


def _probe(path: Path, media: InputContainer) -> Probe:
    video = _main_video(media)
    sounds = [stream for stream in media.streams.audio if _is_readable(stream)]
    if video is None and not sounds:
        raise _nothing_to_show(media)
    container = formats.demuxer(media.format.name)
    _refuse_long(media)
    timings = measure(media, container, [*([video] if video else []), *sounds])
    if is_cut_off(path) or any(timing.is_cut_off for timing in timings.values()):
        raise MediaError(Reason.TRUNCATED, "This file is incomplete: its end is missing.")
    if video is None:
        _refuse_encrypted_sound(path, container)
    shown = _describe_video(path, container, video.index, timings) if video else None
    audio = tuple(
        _describe_audio(sound, timings[sound.index])
        for sound in sounds
        if timings[sound.index].frames
    )
    starts = [shown.start] if shown else [sound.start for sound in audio]
    ends = [*([shown.end] if shown else []), *(sound.end for sound in audio)]
    if not ends:
        raise MediaError(Reason.DAMAGED, "This file is damaged: nothing in it can be played.")
    duration = max(ends) - min(starts)
    if duration > LONGEST:
        raise _too_long(duration)
    return Probe(
        container=container,
        size=path.stat().st_size,
        duration=max(duration, Fraction(1, 1000)),
        video=shown,
        audio=audio,
        pictures=tuple(_describe_pictures(media)),
        subtitles=tuple(_describe_subtitles(media)),
        chapters=tuple(_describe_chapters(media, min(starts))),
        title=media.metadata.get("title", ""),
    )


def _describe_video(
    path: Path, container: str, index: int, timings: dict[int, Timing]
) -> VideoStream:
    """Open the file anew, because raw streams cannot be rewound."""
    with open_media(path, container) as media:
        return describe_video(media, cast("AvVideoStream", media.streams[index]), timings[index])


def _refuse_encrypted_sound(path: Path, container: str) -> None:
    with open_media(path, container) as media:
        for packet in islice(media.demux(), 10):
            refuse_encrypted(packet)


def _main_video(media: InputContainer) -> AvVideoStream | None:
    moving = [s for s in media.streams.video if not s.disposition & STILL]
    readable = [s for s in moving if _is_readable(s)]
    if not readable and moving:
        raise MediaError(
            Reason.UNSUPPORTED_CODEC,
            "The video in this file uses a codec that we cannot read.",
            ", ".join(str(s.codec_context and s.codec_context.name) for s in moving),
        )
    return max(
        readable,
        key=lambda s: (bool(s.disposition & Disposition.default), s.width * s.height),
        default=None,
    )


def _is_readable(stream: Stream) -> bool:
    return stream.codec_context is not None


def _nothing_to_show(media: InputContainer) -> MediaError:
    if any(stream.codec_context is None for stream in media.streams):
        return MediaError(Reason.UNSUPPORTED_CODEC, "This file uses codecs that we cannot read.")
    return MediaError(Reason.NO_STREAMS, "There is neither picture nor sound in this file.")


def _refuse_long(media: InputContainer) -> None:
    declared = (media.duration or 0) / av.time_base
    if declared > LONGEST:
        raise _too_long(declared)


def _too_long(seconds: float | Fraction) -> MediaError:
    return MediaError(
        Reason.TOO_LONG,
        f"This file says it lasts {round(seconds / 3600)} hours; we take up to {LONGEST // 3600}.",
    )


def _describe_audio(stream: AvAudioStream, timing: Timing) -> AudioStream:
    context = stream.codec_context
    channels = _channels(context)
    if context.sample_rate <= 0 or channels <= 0:
        raise MediaError(Reason.DAMAGED, "This file is damaged: its sound cannot be read.")
    return AudioStream(
        index=stream.index,
        codec=context.codec.canonical_name,
        profile=context.profile or "",
        channels=channels,
        sample_rate=context.sample_rate,
        bitrate=timing.bitrate or context.bit_rate or 0,
        language=stream.language or "",
        title=stream.metadata.get("title", ""),
        is_default=bool(stream.disposition & Disposition.default),
        start=timing.start,
        end=timing.end,
    )


_layouts: Final[list[AudioLayout]] = []


def _channels(context: AudioCodecContext) -> int:
    """Count channels by a layout that is never freed.

    PyAV 18.1 frees custom layouts (7.1 in QuickTime) twice, also behind its own `channels`; the
    child ends without freeing anything.
    """
    layout = context.layout
    _layouts.append(layout)
    return layout.nb_channels


def _describe_pictures(media: InputContainer) -> list[AttachedPicture]:
    return [
        AttachedPicture(
            stream.index, stream.codec_context.codec.canonical_name, stream.width, stream.height
        )
        for stream in media.streams.video
        if stream.disposition & STILL and stream.codec_context is not None
    ]


def _describe_subtitles(media: InputContainer) -> list[Subtitle]:
    return [
        Subtitle(
            index=stream.index,
            codec=stream.codec_context.name if stream.codec_context else "",
            language=stream.language or "",
            title=stream.metadata.get("title", ""),
        )
        for stream in media.streams
        if stream.type == "subtitle"
    ]


def _describe_chapters(media: InputContainer, start: Fraction) -> list[Chapter]:
    return [
        Chapter(
            start=max(0.0, float(chapter["start"] * chapter["time_base"] - start)),
            title=chapter["metadata"].get("title", ""),
        )
        for chapter in media.chapters()
        if chapter["time_base"] and math.isfinite(chapter["start"])
    ]
