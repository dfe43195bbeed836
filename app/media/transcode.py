"""Makes the video renditions: copies a web-safe stream, encodes chunks of the time line."""

from collections.abc import Callable, Sequence
from pathlib import Path

from app.media.ladder import Chunk, Plan, Rung
from app.media.limits import COPY_LIMITS, ENCODE_LIMITS, Limits
from app.media.probe import Probe

OnProgress = Callable[[float], None]
"""Called with the part that is done, 0 to 1; never after the call has returned."""


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


async def remux_video(
    source: Path,
    plan: Plan,
    output: Path,
    *,
    nice: int = 10,
    on_progress: OnProgress | None = None,
    limits: Limits = COPY_LIMITS,
) -> Path:
    """Copy the source's video stream into fragmented MP4, for the rung `plan.copied`."""
    raise NotImplementedError


async def encode_chunk(
    source: Path,
    plan: Plan,
    chunk: Chunk,
    rungs: Sequence[Rung],
    folder: Path,
    *,
    threads: int = 1,
    nice: int = 10,
    on_progress: OnProgress | None = None,
    limits: Limits = ENCODE_LIMITS,
) -> dict[str, Path]:
    """Encode frames [chunk.first, chunk.first + chunk.frames) into all `rungs` with one decode.

    Takes the (normalised) source, or the picture of `still.make_still` when `plan.is_still`. Gives a
    fragmented MP4 per rung, by the rung's name: `folder/<rung>-<chunk>.mp4`, already carrying its
    times on the whole time line, so that it can be played as it is and joined by `package.join`.
    `threads` is per encoder. Nothing is left in `folder` after an error or a cancellation.
    """
    raise NotImplementedError


def whole(plan: Plan) -> Chunk:
    """The whole time line as one chunk."""
    return Chunk(index=0, first=0, frames=plan.frames)
