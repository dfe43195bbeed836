"""The jobs: prepare, chunk, sound, join, storyboard, clean up. Each may be repeated."""

import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any, Final

import structlog

from app.backup.hold import ATTEMPTS
from app.config import settings
from app.core.events import subscribe
from app.core.jobs import Fatal, JobContext, Lane, enqueue, job
from app.core.storage import storage
from app.media.errors import MediaError
from app.transcoding import encoding, failures, pictures, publishing, queries, service, snapshot
from app.transcoding.cleaning import remove_leftovers
from app.transcoding.models import Chunk, PieceState, SoundTrack, Transcoding
from app.transcoding.preparing import prepare
from app.transcoding.scratch import work_folder
from app.videos.events import VideoCreated, VideoDeleted
from app.videos.leftovers import remove_files
from app.videos.models import Rendition, Video, VideoSource

log = structlog.get_logger(__name__)

LONGEST: Final = timedelta(hours=12)


@subscribe(VideoCreated)
async def transcode_new_video(event: VideoCreated) -> None:
    """An upload was accepted: look at its file."""
    await service.owe_prepare(event.video_id)


@subscribe(VideoDeleted)
async def forget_deleted_video(event: VideoDeleted) -> None:
    """Remove the pictures that a job may just have made; its other files go with their folder."""
    await enqueue(
        remove_files,
        keys=pictures.picture_keys(event.uuid),
        prefixes=[],
        after_jobs_of=queries.subject_of(event.video_id),
    )


async def note_dead(payload: dict[str, Any], error: str) -> None:
    """No attempt is left."""
    await failures.note_dead(payload["video_id"], error)


@job(
    "transcoding.prepare",
    lane=Lane.TRANSCODE,
    timeout=LONGEST,
    on_dead=note_dead,
)
async def prepare_video(ctx: JobContext, *, video_id: int) -> None:
    """Look at a new video's file, plan its renditions, copy what plays as it is."""
    await failures.note_retry(video_id)
    video = await Video.get_or_none(id=video_id)
    source = await VideoSource.get_or_none(video_id=video_id)
    owner_id = await queries.owner_of(video_id)
    if video is None or source is None or owner_id is None:
        return
    if await Transcoding.exists(video_id=video_id):
        return
    async with judged(ctx, video_id), work_folder(ctx) as folder:
        prepared = await prepare(ctx, video, source, folder, owner_id=owner_id)
    async with ctx.finish():
        await service.set_pictures(video_id, prepared.thumbnails)
        await service.begin(prepared.plan)


@job("transcoding.chunk", lane=Lane.TRANSCODE, timeout=LONGEST, on_dead=note_dead)
async def encode_chunk(ctx: JobContext, *, video_id: int, chunk_id: int) -> None:
    """Encode one chunk into every rung."""
    await failures.note_retry(video_id)
    chunk = await Chunk.get_or_none(id=chunk_id)
    now = await snapshot.take(chunk.transcoding_id) if chunk else None
    if chunk is None or now is None or chunk.state is PieceState.ENCODED:
        return
    async with judged(ctx, video_id), work_folder(ctx) as folder:
        files = await encoding.encode_chunk(ctx, now, chunk, folder)
    async with ctx.finish():
        await service.note_chunk(chunk_id, files)


@job("transcoding.sound", lane=Lane.TRANSCODE, timeout=LONGEST, on_dead=note_dead)
async def encode_sound(ctx: JobContext, *, video_id: int, sound_id: int) -> None:
    """Encode one sound track."""
    await failures.note_retry(video_id)
    row = await SoundTrack.get_or_none(id=sound_id)
    now = await snapshot.take(row.transcoding_id) if row else None
    if row is None or now is None or row.state is PieceState.ENCODED:
        return
    async with judged(ctx, video_id), work_folder(ctx) as folder:
        file = await encoding.encode_sound(ctx, now, now.sounds[row.number], sound_id, folder)
    async with ctx.finish():
        await service.note_sound(sound_id, file)


@job("transcoding.join", lane=Lane.TRANSCODE, timeout=LONGEST, on_dead=note_dead)
async def join_chunks(ctx: JobContext, *, video_id: int, transcoding_id: int) -> None:
    """Make one file of the chunks of each rung, and let the video play from these."""
    await failures.note_retry(video_id)
    now = await snapshot.take(transcoding_id)
    if now is None or now.finished or not now.everything_is_encoded:
        return
    async with judged(ctx, video_id), work_folder(ctx) as folder:
        joined = await encoding.join(now, folder)
    found = await publishing.write_complete(now, joined)
    async with ctx.finish():
        await publishing.note_complete(now, found, joined)


@job("transcoding.storyboard", lane=Lane.TRANSCODE, max_attempts=3)
async def make_storyboard(ctx: JobContext, *, video_id: int) -> None:
    """Make the pictures over the seek bar, from the smallest rendition: it costs least."""
    video = await Video.get_or_none(id=video_id)
    smallest = await Rendition.filter(video_id=video_id, resolution__gt=0).order_by("size").first()
    if video is None or smallest is None:
        return
    async with (
        work_folder(ctx) as folder,
        storage().local(f"hls/{video.uuid}/{smallest.filename}") as path,
    ):
        made = await pictures.make_storyboard(video.uuid, path, folder, nice=ctx.nice)
    async with ctx.finish():
        if made is not None:
            await service.set_storyboard(video_id, made)


@job("transcoding.clean_up", max_attempts=ATTEMPTS)
async def clean_up(ctx: JobContext, *, video_id: int) -> None:
    """Remove what only mattered while the video was being made."""
    del ctx
    await remove_leftovers(video_id, keep_original=settings().transcoding.keep_original)


@contextlib.asynccontextmanager
async def judged(ctx: JobContext, video_id: int) -> AsyncIterator[None]:
    """What is the file's fault ends the transcoding; what is the machine's is tried again."""
    try:
        yield
    except MediaError as error:
        log.warning("media error", code=error.code, detail=error.detail, video_id=video_id)
        if not error.is_files_fault:
            raise
        await failures.fail(video_id, error.code, error.message, job_id=ctx.id)
        raise Fatal(error.message, code=error.code) from error
