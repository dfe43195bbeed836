"""Rewrites a file whose container has no reliable index or clock, so that it can be cut."""

from pathlib import Path
from typing import Final

from app.media import ffmpeg
from app.media.errors import MediaError
from app.media.ffmpeg import OnProgress
from app.media.limits import COPY_LIMITS, Limits
from app.media.outputs import NO_EXTRAS, removed_on_error
from app.media.probe import Probe

UNCOPYABLE: Final = frozenset({"rawvideo", "indeo3", "indeo4", "indeo5", "cinepak"})
"""Codecs that Matroska takes only wrapped in old headers, or that are too large to copy."""
NEARLY_LOSSLESS: Final = (
    *("-c:v", "libx264", "-preset", "ultrafast", "-crf", "8", "-g", "30", "-bf", "0"),
)
"""A quick intermediate that is thrown away: SSIM above .99 at some ten times the usual size."""
ATTEMPTS: Final = (
    ("-c:v", "copy", "-c:a", "copy"),
    ("-c:v", "copy", "-c:a", "flac"),
    (*NEARLY_LOSSLESS, "-c:a", "flac"),
)


async def normalise(
    source: Path,
    probe: Probe,
    output: Path,
    *,
    nice: int = 10,
    on_progress: OnProgress | None = None,
    limits: Limits = COPY_LIMITS,
) -> Path:
    """Copy the streams of an unreliable container into Matroska; probe the result again.

    `output` must end in `.mkv`. Streams that cannot be copied are converted nearly without loss.
    Nothing is left after an error.
    """
    must_convert = probe.video is None or probe.video.codec in UNCOPYABLE
    attempts = ATTEMPTS[-1:] if must_convert else ATTEMPTS
    with removed_on_error(output):
        for attempt in attempts:
            try:
                await ffmpeg.run(
                    _command(source, probe, output, attempt),
                    duration=float(probe.duration),
                    on_progress=on_progress,
                    limits=limits,
                    nice=nice,
                )
            except MediaError as error:
                if attempt == attempts[-1] or not error.is_files_fault:
                    raise
            else:
                break
    return output


def _command(source: Path, probe: Probe, output: Path, codecs: tuple[str, ...]) -> list[str]:
    streams = [probe.video.index] if probe.video else []
    streams += [sound.index for sound in probe.audio]
    command = ffmpeg.source(source, probe.container, "-fflags", "+genpts")
    for stream in streams:
        command += ["-map", f"0:{stream}"]
    if probe.container == "avi" and probe.video and probe.video.codec == "mpeg4":
        command += ["-bsf:v", "mpeg4_unpack_bframes"] if "copy" in codecs[:2] else []
    return [*command, *codecs, *NO_EXTRAS, "-f", "matroska", ffmpeg.target(output)]
