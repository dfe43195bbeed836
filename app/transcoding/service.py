"""A plan's life in rows: begun, its pieces noted as they are made, forgotten.

`publishing` says what can be played of it, `failures` what becomes of a video whose jobs fail.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from app.core.db import execute, fetchval, transaction
from app.core.jobs import Priority, enqueue
from app.media import records
from app.media.plan import Plan
from app.media.probe import Probe
from app.transcoding import queries, snapshot
from app.transcoding.files import StoredFile
from app.transcoding.models import Chunk, PieceState, SoundTrack, Transcoding
from app.transcoding.publishing import publish
from app.transcoding.queries import subject_of
from app.videos.models import Video, VideoSource


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPlan:
    """What `prepare` found out and made."""

    video_id: int
    owner_id: int
    token: str
    probe: Probe
    plan: Plan
    input_key: str
    still_key: str | None = None
    copied: StoredFile | None = None
    #: sound tracks that are made already, by their number
    sounds: Mapping[int, StoredFile]
    aspect_ratio: float | None


async def begin(new: NewPlan) -> None:
    """Write a plan down and owe its jobs: what plays first comes before everything else."""
    async with transaction():
        await Video.filter(id=new.video_id).update(
            duration=float(new.plan.duration), aspect_ratio=new.aspect_ratio
        )
        await VideoSource.filter(video_id=new.video_id).update(probe=records.dump(new.probe))
        plan = await Transcoding.create(
            video_id=new.video_id,
            plan=records.dump(new.plan),
            token=new.token,
            input_key=new.input_key,
            still_key=new.still_key,
            copied=new.copied.to_json() if new.copied else None,
        )
        await _owe_sounds(plan, new)
        await _owe_chunks(plan, new)
        await publish(plan.id)


async def _owe_sounds(plan: Transcoding, new: NewPlan) -> None:
    for number, _ in enumerate(new.plan.audio):
        made = new.sounds.get(number)
        sound = await SoundTrack.create(
            transcoding=plan,
            number=number,
            state=PieceState.ENCODED if made else PieceState.WAITING,
            file=made.to_json() if made else None,
        )
        if made is None:
            await enqueue(
                "transcoding.sound",
                priority=Priority.FIRST,
                owner_id=new.owner_id,
                subject=subject_of(new.video_id),
                unique_key=f"sound:{sound.id}",
                video_id=new.video_id,
                sound_id=sound.id,
            )


async def _owe_chunks(plan: Transcoding, new: NewPlan) -> None:
    """A job for each chunk, in order; only the first of a video that does not play is urgent."""
    if not new.plan.encoded:
        return
    now = datetime.now(UTC)
    for each in new.plan.chunks:
        chunk = await Chunk.create(transcoding=plan, number=each.index, frames=each.frames)
        urgent = each.index == 0 and new.copied is None
        await enqueue(
            "transcoding.chunk",
            priority=Priority.FIRST if urgent else Priority.EXTRA,
            owner_id=new.owner_id,
            subject=subject_of(new.video_id),
            unique_key=f"chunk:{chunk.id}",
            run_at=now + timedelta(milliseconds=each.index),
            video_id=new.video_id,
            chunk_id=chunk.id,
        )


async def note_rungs(chunk_id: int, files: Mapping[str, StoredFile]) -> dict[str, StoredFile]:
    """Some rungs of a chunk are encoded and can be played; gives the files that stand for these.

    They are others than the given ones where another attempt was quicker: what is published stays.
    """
    async with transaction():
        chunk = await _locked(chunk_id)
        if chunk is None:
            return dict(files)
        _add(chunk, files)
        await chunk.save(update_fields=["files"])
        await publish(chunk.transcoding_id)
    return {name: StoredFile.from_json(chunk.files[name]) for name in files}


async def note_chunk(chunk_id: int, files: Mapping[str, StoredFile]) -> None:
    """A chunk is encoded: remember its files and publish what follows. Call it in a transaction."""
    chunk = await _locked(chunk_id)
    if chunk is None:
        return
    chunk.state = PieceState.ENCODED
    _add(chunk, files)
    await chunk.save(update_fields=["state", "files"])
    await publish(chunk.transcoding_id)


async def _locked(chunk_id: int) -> Chunk | None:
    """A chunk that nobody else changes until the transaction ends; None when it is gone."""
    chunk = await Chunk.get_or_none(id=chunk_id)
    if chunk is None or await snapshot.take(chunk.transcoding_id, lock=True) is None:
        return None
    return await Chunk.get_or_none(id=chunk_id)


def _add(chunk: Chunk, files: Mapping[str, StoredFile]) -> None:
    """Players may hold a playlist with the files that are there: these are never replaced."""
    chunk.files = {name: file.slim().to_json() for name, file in files.items()} | chunk.files


async def note_part(sound_id: int, part: StoredFile, *, number: int) -> bool:
    """A further part of a growing sound track can be played; gives whether it was the next one."""
    async with transaction():
        sound = await SoundTrack.get_or_none(id=sound_id)
        if sound is None or await snapshot.take(sound.transcoding_id, lock=True) is None:
            return False
        await sound.refresh_from_db()
        if len(sound.parts) != number or sound.file is not None:
            return False
        sound.parts = [*sound.parts, part.to_json()]
        await sound.save(update_fields=["parts"])
        await publish(sound.transcoding_id)
    return True


async def note_sound(sound_id: int, file: StoredFile) -> None:
    """A sound track is whole. Call it in a transaction."""
    sound = await SoundTrack.get_or_none(id=sound_id)
    if sound is None or await snapshot.take(sound.transcoding_id, lock=True) is None:
        return
    await sound.refresh_from_db()
    sound.state = PieceState.ENCODED
    sound.file = file.to_json()
    await sound.save(update_fields=["state", "file"])
    await publish(sound.transcoding_id)


async def forget_pieces(transcoding_id: int) -> None:
    """The rows of a finished plan's chunks and parts are no longer needed."""
    await Chunk.filter(transcoding_id=transcoding_id).delete()
    await SoundTrack.filter(transcoding_id=transcoding_id).update(parts=[])


async def owe_prepare(video_id: int) -> None:
    """Owe the first look at a video's file."""
    await enqueue(
        "transcoding.prepare",
        priority=Priority.FIRST,
        owner_id=await queries.owner_of(video_id),
        subject=subject_of(video_id),
        unique_key=f"prepare:{video_id}",
        video_id=video_id,
    )


async def set_pictures(video_id: int, thumbnails: Sequence[Mapping[str, Any]]) -> None:
    """Show these pictures, unless the uploader chose others meanwhile."""
    async with transaction():
        if await fetchval(
            "SELECT true FROM video WHERE id = $1 AND thumbnails = '[]' FOR UPDATE", video_id
        ):
            await Video.filter(id=video_id).update(thumbnails=list(thumbnails))


async def set_storyboard(video_id: int, storyboard: Mapping[str, Any]) -> None:
    """Show this storyboard over the seek bar."""
    await Video.filter(id=video_id).update(storyboard=dict(storyboard))


async def forget_original(video_id: int) -> None:
    """The original was removed; nothing is left of it that takes from the quota."""
    await execute("DELETE FROM video_source WHERE video_id = $1", video_id)
