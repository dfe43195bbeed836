"""Makes the video renditions: copies a web-safe stream, encodes chunks of the time line."""

import asyncio
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Final

from app.media import ffmpeg, filters, package, tonemap
from app.media.encoders import PROFILES, encode_arguments
from app.media.ffmpeg import OnProgress
from app.media.limits import COPY_LIMITS, ENCODE_LIMITS, Limits
from app.media.normalise import normalise
from app.media.outputs import FRAGMENTED, NO_EXTRAS, removed_after, removed_on_error
from app.media.plan import Chunk, Plan, Rung

__all__ = ["encode_chunk", "normalise", "remux_video", "whole"]

SEEK_MARGIN: Final = Fraction(1, 4)
"""Seconds before a chunk where decoding begins at the latest."""
SEEK_FRAMES: Final = 3
"""And frames: decoders put out frames that late, and deinterlacing looks at its neighbours."""
FINEST_CLOCK: Final = 10_000
"""Ticks a second: times of a rung are exact in it or a multiple of it."""


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
    with removed_on_error(output):
        await ffmpeg.run(
            [
                *ffmpeg.source(source, plan.source.container),
                *("-map", f"0:{plan.source.stream}", "-c", "copy", *NO_EXTRAS),
                *("-min_frag_duration", "1500000", "-movflags", FRAGMENTED, "-f", "mp4"),
                ffmpeg.target(output),
            ],
            duration=float(plan.duration),
            on_progress=on_progress,
            limits=limits,
            nice=nice,
        )
    return output


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

    Takes the (normalised) source, or the picture of `still.make_still` when `plan.is_still`. Gives
    a fragmented MP4 per rung, by the rung's name: `folder/<rung>-<chunk>.mp4`, already carrying its
    times on the whole time line, so that it can be played as it is and joined by `package.join`.
    `threads` is per encoder. Nothing is left in `folder` after an error or a cancellation.
    """
    files = {rung.name: folder / f"{rung.name}-{chunk.index:04d}.mp4" for rung in rungs}
    table = folder / filters.table_name(chunk, rungs)
    with removed_on_error(*files.values()), removed_after(table):
        if plan.source.transfer in filters.HDR_TRANSFERS:
            await asyncio.to_thread(tonemap.write_cube, table, plan.source.transfer)
        await ffmpeg.run(
            _encode_command(source, plan, chunk, rungs, files, threads),
            frames=frames_of(chunk, rungs[0]),
            on_progress=on_progress,
            limits=limits,
            nice=nice,
            folder=folder,
        )
        for rung in rungs:
            await asyncio.to_thread(_put_in_place, files[rung.name], chunk, rung)
    return files


def whole(plan: Plan) -> Chunk:
    """The whole time line as one chunk."""
    return Chunk(index=0, first=0, frames=plan.frames)


def _encode_command(
    source: Path,
    plan: Plan,
    chunk: Chunk,
    rungs: Sequence[Rung],
    files: dict[str, Path],
    threads: int,
) -> list[str]:
    graph, labels = filters.graph(plan, chunk, rungs)
    devices = {PROFILES[rung.encoder or ""].before for rung in rungs}
    command = [word for device in sorted(devices) for word in device]
    command += _input(source, plan, chunk, threads)
    command += ["-filter_complex_threads", str(threads), "-filter_complex", graph]
    for rung, label in zip(rungs, labels, strict=True):
        command += ["-map", label, *encode_arguments(rung, threads=threads), *NO_EXTRAS]
        command += ["-frames:v", str(frames_of(chunk, rung))]
        command += ["-video_track_timescale", str(timescale_of(rung)), "-movflags", FRAGMENTED]
        command += ["-f", "mp4", ffmpeg.target(files[rung.name])]
    return command


def _input(source: Path, plan: Plan, chunk: Chunk, threads: int) -> list[str]:
    if plan.is_still:
        return ffmpeg.still_source(source, "-framerate", str(plan.fps))
    options = ["-noautorotate", "-copyts", "-an", "-sn", "-dn", "-threads", str(threads)]
    begin = plan.source.start + chunk.first / plan.fps
    margin = max(SEEK_MARGIN, SEEK_FRAMES / plan.fps)
    if plan.source.is_seekable and begin - margin > plan.source.first_frame:
        options += [
            "-noaccurate_seek",
            "-seek_timestamp",
            "1",
            "-ss",
            f"{float(begin - margin):.6f}",
        ]
    return ffmpeg.source(source, plan.source.container, *options)


def frames_of(chunk: Chunk, rung: Rung) -> int:
    """How many frames of a chunk a rung has."""
    return -(-chunk.frames // rung.step)


def timescale_of(rung: Rung) -> int:
    """Ticks a second in which every frame of the rung lasts a whole number of ticks."""
    times = -(-FINEST_CLOCK // rung.fps.numerator)
    return rung.fps.numerator * times


def _put_in_place(path: Path, chunk: Chunk, rung: Rung) -> None:
    """Give a chunk's file its times: ffmpeg let it begin at zero."""
    ticks = timescale_of(rung) * rung.fps.denominator // rung.fps.numerator
    frame = chunk.first // rung.step
    package.place(path, start=frame * ticks, sequence=1 + frame // rung.gop)
