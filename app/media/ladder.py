"""Decides from a probe what to make of a file: which renditions, what is copied, how it is cut."""

from dataclasses import replace
from fractions import Fraction
from typing import Final

from app.media import copying, formats, rungs, timeline
from app.media.errors import MediaError, Reason
from app.media.languages import bcp47
from app.media.plan import AudioTrack, Chunk, LadderSettings, Plan, Rung, Source
from app.media.probe import AudioStream, Probe, VideoStream

__all__ = [
    "AudioTrack",
    "Chunk",
    "LadderSettings",
    "Plan",
    "Rung",
    "Source",
    "plan",
    "why_normalise",
]

STILL_SIZE: Final = (1280, 720)
STILL_FPS: Final = Fraction(1)
STILL_GOP: Final = 4
"""A still picture is sent again every four seconds: as often as a segment needs it."""
STILL_BITRATE: Final = 500_000


def why_normalise(probe: Probe) -> str | None:
    """Say why a file must go through `normalise` before it is planned, or None when it need not.

    AVI, MPEG-TS/PS, FLV, Ogg, ASF and raw streams have no reliable index or clock, so that seeking
    to a chunk would not be exact.
    """
    if probe.video is None or probe.container in (*formats.SEEKABLE, *formats.UNSEEKED):
        return None
    return f"a {probe.container} file cannot be cut exactly at a time"


def plan(probe: Probe, settings: LadderSettings | None = None) -> Plan:
    """Decide the renditions, the copies and the chunks for a probed (and normalised) file.

    Raises MediaError NO_STREAMS when there is neither picture nor sound.
    """
    settings = settings or LadderSettings()
    if probe.video is not None:
        return _plan_video(probe, probe.video, settings)
    if probe.audio:
        return _plan_still(probe, settings)
    raise MediaError(Reason.NO_STREAMS, "There is neither picture nor sound in this file.")


def _plan_video(probe: Probe, video: VideoStream, settings: LadderSettings) -> Plan:
    fps = timeline.frame_rate(video, settings.max_fps)
    gop = timeline.gop_of(fps, settings.gop_seconds)
    start = timeline.origin(probe, video, fps)
    frames = timeline.frame_count(probe, video, fps, start)
    why_not = copying.why_not_copy_video(probe, video, settings, fps)
    segment = gop * settings.segment_gops
    return Plan(
        fps=fps,
        gop=gop,
        frames=frames,
        duration=frames / fps,
        rungs=tuple(rungs.rungs_for(video, fps, gop, settings, is_copied=not why_not)),
        audio=_tracks(probe, settings, start, frames / fps),
        chunks=timeline.cut_into_chunks(frames, fps, segment, settings.chunk_seconds),
        segment_seconds=segment / fps,
        source=_source(probe, video, start),
        is_still=False,
        why_not_copied=why_not,
    )


def _plan_still(probe: Probe, settings: LadderSettings) -> Plan:
    start = min(sound.start for sound in probe.audio)
    end = max(sound.end for sound in probe.audio)
    frames = max(1, round((end - start) * STILL_FPS))
    allowed = [resolution for resolution in settings.resolutions if resolution <= STILL_SIZE[1]]
    size = rungs.scaled(STILL_SIZE, max(allowed, default=min(settings.resolutions)))
    rung = Rung(
        name=f"{size[1]}p",
        resolution=size[1],
        width=size[0],
        height=size[1],
        fps=STILL_FPS,
        step=1,
        gop=STILL_GOP,
        max_bitrate=STILL_BITRATE,
        encoder=settings.encoder,
    )
    return Plan(
        fps=STILL_FPS,
        gop=STILL_GOP,
        frames=frames,
        duration=frames / STILL_FPS,
        rungs=(rung,),
        audio=_tracks(probe, settings, start, frames / STILL_FPS),
        chunks=timeline.cut_into_chunks(frames, STILL_FPS, STILL_GOP, settings.chunk_seconds),
        segment_seconds=STILL_GOP / STILL_FPS,
        source=replace(_NO_PICTURE, container=probe.container, start=start, first_frame=start),
        is_still=True,
        why_not_copied="the file holds sound only",
    )


_NO_PICTURE: Final = Source(
    container="",
    stream=0,
    is_seekable=False,
    start=Fraction(0),
    first_frame=Fraction(0),
    width=STILL_SIZE[0],
    height=STILL_SIZE[1],
    sample_aspect=Fraction(1),
    rotation=0,
    is_mirrored=False,
    is_interlaced=False,
    pixel_format="rgb24",
    transfer="unknown",
    primaries="unknown",
    matrix="gbr",
    is_full_range=True,
)


def _source(probe: Probe, video: VideoStream, start: Fraction) -> Source:
    return Source(
        container=probe.container,
        stream=video.index,
        is_seekable=probe.container in formats.SEEKABLE,
        start=start,
        first_frame=video.start,
        width=video.width,
        height=video.height,
        sample_aspect=video.sample_aspect,
        rotation=video.rotation,
        is_mirrored=video.is_mirrored,
        is_interlaced=video.is_interlaced,
        pixel_format=video.pixel_format,
        transfer=video.colour.transfer,
        primaries=video.colour.primaries,
        matrix=video.colour.matrix,
        is_full_range=video.colour.is_full_range,
    )


def _tracks(
    probe: Probe, settings: LadderSettings, start: Fraction, duration: Fraction
) -> tuple[AudioTrack, ...]:
    sounds = probe.audio[: settings.max_audio_tracks]
    default = next((sound for sound in sounds if sound.is_default), sounds[0] if sounds else None)
    labels = _labels(sounds)
    return tuple(
        _track(
            probe,
            settings,
            sound,
            name=f"audio-{number}",
            label=labels[number],
            is_default=sound is default,
            span=(start, start + duration),
        )
        for number, sound in enumerate(sounds)
    )


def _track(
    probe: Probe,
    settings: LadderSettings,
    sound: AudioStream,
    *,
    name: str,
    label: str,
    is_default: bool,
    span: tuple[Fraction, Fraction],
) -> AudioTrack:
    language = bcp47(sound.language)
    is_copy = settings.may_copy and copying.may_copy_audio(probe, sound, *span)
    channels = min(2, sound.channels)
    return AudioTrack(
        name=f"{name}-{language}" if language else name,
        label=label,
        stream=sound.index,
        language=language,
        is_default=is_default,
        channels=channels,
        sample_rate=sound.sample_rate if is_copy else _sample_rate(sound.sample_rate),
        bitrate=sound.bitrate if is_copy else settings.audio_bitrate * channels // 2,
        is_copy=is_copy,
    )


def _labels(sounds: tuple[AudioStream, ...]) -> list[str]:
    """Titles, else language codes, else numbers; each only once, as HLS wants."""
    labels: list[str] = []
    for number, sound in enumerate(sounds, 1):
        label = sound.title.strip()[:60] or bcp47(sound.language) or f"Audio {number}"
        labels.append(f"{label} ({number})" if label in labels else label)
    return labels


def _sample_rate(rate: int) -> int:
    """AAC in 44.1 or 48 kHz: what every decoder takes, and a whole factor where there is one."""
    return 44100 if rate % 11025 == 0 else 48000
