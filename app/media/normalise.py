"""Rewrites a file whose container has no reliable index or clock, so that it can be cut."""

from pathlib import Path

from app.media import ffmpeg
from app.media.errors import MediaError
from app.media.ffmpeg import OnProgress
from app.media.limits import COPY_LIMITS, Limits
from app.media.probe import Probe
from app.media.outputs import NO_EXTRAS, removed_on_error


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
    """
    raise NotImplementedError
