"""What becomes of a video whose transcoding fails, and how it is tried again."""

from typing import Final
from uuid import UUID

from app.core.db import transaction
from app.core.errors import ConflictError
from app.core.jobs import cancel, enqueue
from app.core.storage import storage
from app.transcoding import queries
from app.transcoding.models import Transcoding
from app.transcoding.pictures import picture_keys
from app.transcoding.queries import subject_of
from app.transcoding.service import owe_prepare
from app.videos import service as videos
from app.videos.leftovers import remove_files
from app.videos.models import Rendition, Video, VideoSource, VideoState

#: Code and sentence of a video whose jobs failed through no fault of its file.
SERVER_FAILED: Final = "transcoding_failed"
SERVER_FAILED_SENTENCE: Final = (
    "The server could not convert this video. Its administrators can have it tried again."
)


async def fail(video_id: int, code: str, sentence: str, *, job_id: UUID) -> None:
    """The file cannot become a video: say so on its page and leave nothing of it behind.

    A video that plays whole from an earlier plan keeps everything but the new one.
    """
    async with transaction():
        await cancel(subject=subject_of(video_id), except_id=job_id)  # before the video is locked
        video = await Video.select_for_update().get_or_none(id=video_id)
        if video is None:
            return
        await Transcoding.filter(video_id=video_id).delete()
        if await queries.plays_whole(video_id):
            await enqueue("transcoding.clean_up", video_id=video_id)
            return
        if video.state is not VideoState.TRANSCODING_FAILED or video.error_code == SERVER_FAILED:
            await Video.filter(id=video_id).update(state=VideoState.TO_TRANSCODE)
            await videos.mark_failed(video_id, code, sentence)
        source = await VideoSource.get_or_none(video_id=video_id)
        await Video.filter(id=video_id).update(playlist=None, thumbnails=[], storyboard=None)
        await Rendition.filter(video_id=video_id).delete()
        await VideoSource.filter(video_id=video_id).delete()
        pictures = [f"thumbnails/{each['filename']}" for each in video.thumbnails]
        await enqueue(
            remove_files,
            keys=[*pictures, *picture_keys(video.uuid), *([source.key] if source else [])],
            prefixes=[f"hls/{video.uuid}/", f"originals/{video.uuid}/"],
            after_jobs_of=subject_of(video_id),
        )


async def note_dead(video_id: int, error: str) -> None:
    """A job of a video failed for good: unless the video plays whole, its page says so.

    Its files stay: an administrator can have the job run again, and it goes on from there.
    """
    del error  # for the administrators, on the page of jobs
    async with transaction():
        video = await Video.select_for_update().get_or_none(id=video_id)
        if video is None or video.state is VideoState.TRANSCODING_FAILED:
            return
        if video.state is VideoState.PUBLISHED and await queries.plays_to_its_end(video_id):
            return
        await videos.mark_failed(video_id, SERVER_FAILED, SERVER_FAILED_SENTENCE)


async def note_retry(video_id: int) -> None:
    """A job that the server failed at runs again: its video waits to be transcoded once more."""
    if await queries.failed_by(video_id) == SERVER_FAILED:
        await videos.retry_transcoding(video_id)


async def restart(video_id: int) -> None:
    """Transcode a video anew from its original, under a new plan; what plays goes on playing.

    Raises ConflictError when there is no original any more.
    """
    async with transaction():
        source = await VideoSource.get_or_none(video_id=video_id)
        if source is None or not await storage().exists(source.key):
            raise ConflictError("The original file of this video was not kept.", code="no_original")
        await cancel(subject=subject_of(video_id))
        await Transcoding.filter(video_id=video_id).delete()
        if await queries.failed_by(video_id) is not None:
            await videos.retry_transcoding(video_id)
        await owe_prepare(video_id)
