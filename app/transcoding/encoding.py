"""The work of the jobs: a chunk into every rung, a sound track, the joining of the chunks."""

import asyncio
import contextlib
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final

from app.core.jobs import JobContext, Priority
from app.core.storage import storage
from app.media import audio, package, transcode
from app.media.errors import MediaError, Reason
from app.media.ffmpeg import OnProgress
from app.media.plan import Rung
from app.transcoding import profiles, service
from app.transcoding.files import StoredFile, keep
from app.transcoding.inputs import input_file
from app.transcoding.models import Chunk
from app.transcoding.reporting import reported
from app.transcoding.snapshot import Snapshot, Sound, chunk_files

#: Segments in the first part of a growing sound track; every later one has at least as many as all
#: before it together, so that the whole track is read a few times only.
FIRST_PART: Final = 1


async def encode_chunk(
    ctx: JobContext, now: Snapshot, chunk: Chunk, folder: Path
) -> dict[str, StoredFile]:
    """Encode a chunk into all rungs and put the files into storage; gives them by the rung's name.

    Where somebody waits for it to play, what each run made is published before the next one begins;
    what an attempt before this one published is not made again. Raises MediaError, LostLease.
    """
    is_awaited = ctx.priority is Priority.FIRST
    found = {name: StoredFile.from_json(file) for name, file in chunk.files.items()}
    left = [rung for rung in now.plan.encoded if rung.name not in found]
    runs = profiles.awaited_runs(left) if is_awaited and not found else profiles.runs(left)
    async with input_file(now.row["still_key"] or now.row["input_key"]) as source:
        for number, rungs in enumerate(runs, 1):
            part = ((number - 1) / len(runs), 1 / len(runs))
            encode = partial(_encode, ctx, source, now, chunk.number, rungs, folder, part)
            made = await reported(ctx, encode)
            if is_awaited and number < len(runs):
                made = await service.note_rungs(chunk.id, made)
            found |= made
    return found


async def _encode(
    ctx: JobContext,
    source: Path,
    now: Snapshot,
    number: int,
    rungs: Sequence[Rung],
    folder: Path,
    part: tuple[float, float],
    tell: OnProgress,
) -> dict[str, StoredFile]:
    """One run of ffmpeg, which is `part` (where it begins, how much it is) of the whole work."""
    paths = await transcode.encode_chunk(
        source,
        now.plan,
        now.plan.chunks[number],
        rungs,
        folder,
        threads=profiles.threads(is_awaited=ctx.priority is Priority.FIRST),
        nice=ctx.nice,
        on_progress=lambda done: tell(part[0] + done * part[1]),
    )
    return {
        name: await keep(
            path,
            names=now.names,
            filename=now.names.piece(name, number),
            segment_seconds=now.plan.segment_seconds,
        )
        for name, path in paths.items()
    }


async def encode_sound(
    ctx: JobContext, now: Snapshot, sound: Sound, sound_id: int, folder: Path
) -> StoredFile:
    """Encode a sound track whole; what plays already is published while it grows.

    Raises MediaError, LostLease.
    """
    output = folder / f"{sound.track.name}.mp4"
    growing = GrowingSound(now, sound, sound_id, output)
    async with input_file(now.row["input_key"]) as source:

        async def encode(tell: OnProgress) -> None:
            await audio.encode_audio(
                source, now.plan, sound.track, output, nice=ctx.nice, on_progress=tell
            )

        await reported(ctx, encode, watch=None if now.copied else growing.watch)
    return await keep(
        output,
        names=now.names,
        filename=now.names.whole(sound.track.name),
        segment_seconds=now.plan.segment_seconds,
    )


class GrowingSound:
    """Publishes the parts of a sound track that is being encoded."""

    def __init__(self, now: Snapshot, sound: Sound, sound_id: int, path: Path) -> None:
        self.now, self.name, self.sound_id, self.path = now, sound.track.name, sound_id, path
        self.parts = len(sound.parts)
        self.published = sum(len(part.index.segments) for part in sound.parts)

    async def watch(self, done: float) -> None:
        """Publish a further part when the track has grown enough since the last one."""
        plan = self.now.plan
        wanted = max(FIRST_PART, 2 * self.published)
        if done * float(plan.duration / plan.segment_seconds) < wanted + 1:
            return
        with contextlib.suppress(FileNotFoundError):
            part = await self._cut()
            if part is not None:
                await service.note_part(self.sound_id, part, number=self.parts)
                self.parts += 1
                self.published += len(part.index.segments)

    async def _cut(self) -> StoredFile | None:
        seconds = self.now.plan.segment_seconds
        piece = self.path.with_suffix(".part.mp4")
        try:
            whole = await asyncio.to_thread(
                package.index, self.path, segment_seconds=seconds, growing=True
            )
            end = len(whole.segments)
            if end <= self.published:
                return None
            index = await asyncio.to_thread(
                package.cut,
                self.path,
                piece,
                first=self.published,
                end=end,
                segment_seconds=seconds,
            )
        except MediaError as error:
            if error.reason is Reason.BAD_PACKAGE:  # its beginning is not written yet
                return None
            raise
        filename = self.now.names.piece(self.name, self.parts)
        await storage().put_file(self.now.names.key(filename), piece)
        return StoredFile(filename, index)


async def join(now: Snapshot, folder: Path) -> dict[str, StoredFile]:
    """Write each encoded rung as one file into storage; gives them by the rung's name.

    Raises MediaError.
    """
    chunks = await chunk_files(now.id, len(now.chunks))
    found = {}
    for rung in now.plan.encoded:
        output = folder / f"{rung.name}.mp4"
        async with contextlib.AsyncExitStack() as stack:
            parts = [
                await stack.enter_async_context(
                    storage().local(now.names.key(chunk[rung.name].filename))
                )
                for chunk in chunks
            ]
            index = await asyncio.to_thread(
                package.join, parts, output, segment_seconds=now.plan.segment_seconds
            )
        filename = now.names.whole(rung.name)
        await storage().put_file(now.names.key(filename), output)
        found[rung.name] = StoredFile(filename, index)
    return found
