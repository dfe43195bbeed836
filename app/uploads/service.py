"""All writes of uploads: begun, finished into a video, cancelled, forgotten.

A finished file is moved into storage first and becomes a video in one transaction then. Where a
crash comes in between, the repeated last chunk goes on from there, or the upload expires with its
file: its row has named the place beforehand.
"""

import asyncio
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from app.accounts.models import User
from app.channels.models import Channel
from app.config import settings
from app.core.db import transaction
from app.core.errors import AppError, InvalidError, NotFoundError, TooLargeError
from app.core.ids import new_uuid
from app.core.storage import storage
from app.uploads import pictures, queries, scratch
from app.uploads.models import Upload
from app.uploads.scratch import DiskFullError
from app.videos.models import Privacy, Video
from app.videos.schemas import VideoCreate
from app.videos.service import NewSource, create_video


@dataclass(frozen=True, slots=True, kw_only=True)
class NewUpload:
    """What is known of a file before its bytes come."""

    filename: str
    #: lower case, without a dot
    extension: str
    size: int
    channel_id: int
    metadata: VideoCreate
    #: a picture of the uploader's own, in a scratch file
    picture: Path | None = None


class UploadNotFoundError(NotFoundError):
    """No such upload, or it has expired."""

    def __init__(self) -> None:
        super().__init__("There is no such upload, or it has expired: begin anew.")


async def ensure_admitted(user_id: int, size: int) -> None:
    """Refuse a file that is empty, too large, beyond the user's quota or beyond the disk.

    Raises InvalidError, TooLargeError with PeerTube's codes, DiskFullError.
    """
    if size <= 0:
        raise InvalidError("The file is empty.", status=422, code="empty", field="videofile")
    if size > (most := settings().uploads.max_size):
        raise TooLargeError(
            f"The file is larger than the {most} bytes that are accepted here.",
            code="max_file_size_reached",
            headers={"X-File-Maximum-Size": str(most)},
        )
    usage = await queries.usage_of(user_id)
    if not usage.has_room_for(usage.arriving + size):
        raise _quota_reached()
    coming = await queries.expected_bytes()
    arrived, free = await asyncio.to_thread(lambda: (scratch.arrived_bytes(), scratch.free_bytes()))
    if size + max(0, coming - arrived) > free:
        raise DiskFullError


async def begin(user_id: int, new: NewUpload) -> Upload:
    """Write down an upload to come. Raises InvalidError and what `ensure_admitted` does."""
    await ensure_admitted(user_id, new.size)
    if not await Channel.exists(id=new.channel_id, account__user_id=user_id):
        raise InvalidError("There is no such channel of yours.", field="channelId")
    if new.metadata.privacy is Privacy.PASSWORD_PROTECTED and not new.metadata.video_passwords:
        raise InvalidError("Give at least one password.", field="videoPasswords")
    upload = Upload(
        id=new_uuid(),
        user_id=user_id,
        filename=new.filename,
        size=new.size,
        metadata=_dump(new),
        video_uuid=(video_uuid := new_uuid()),
        key=f"originals/{video_uuid}/{secrets.token_hex(8)}.{new.extension}",
    )
    if scratch.Sweeps.due():
        await sweep_scratch(older_than=scratch.YOUNG_SECONDS)
    await scratch.create(upload.id)
    try:
        if new.picture:
            await pictures.keep(upload.id, new.picture)
        await upload.save(force_create=True)
    except BaseException:
        await scratch.remove(upload.id)
        await pictures.remove(upload.id)
        raise
    return upload


async def take_whole(user_id: int, new: NewUpload, file: Path) -> Video:
    """Make a video of a file that came in one request. Raises what `begin` and `finish` do."""
    upload = await begin(user_id, new)
    try:
        await scratch.adopt(upload.id, file)
        return await finish(upload)
    except BaseException:
        await cancel(upload)
        raise


async def find(upload_id: UUID, user_id: int) -> Upload:
    """An upload of this user. Raises UploadNotFoundError, AppError 403 for somebody else's."""
    upload = await Upload.get_or_none(id=upload_id)
    if upload is None:
        raise UploadNotFoundError
    if upload.user_id != user_id:
        raise AppError("This upload belongs to somebody else.", status=403)
    return upload


async def moved_on(upload: Upload) -> None:
    """Note that bytes arrived, so that the upload does not expire."""
    await Upload.filter(id=upload.id).update(updated_at=datetime.now(UTC))


async def finish(upload: Upload) -> Video:
    """Make the video of a file that has arrived whole; call it with the upload's file locked.

    Safe to repeat. Raises TooLargeError and InvalidError after removing the upload, because no
    repetition can succeed, and UploadNotFoundError.
    """
    store, path = storage(), scratch.path_of(upload.id)
    if await asyncio.to_thread(path.exists):
        await store.put_file(upload.key, path)
    elif not await store.exists(upload.key):
        raise UploadNotFoundError
    thumbnails = await pictures.publish(upload)
    try:
        async with transaction():
            video = await _become_video(upload, thumbnails)
    except AppError:
        await _remove_files(upload)
        await Upload.filter(id=upload.id, video_id=None).delete()
        raise
    await pictures.remove(upload.id)
    return video


async def result_of(upload: Upload) -> Video:
    """The video that an upload became. Raises UploadNotFoundError when it was deleted since."""
    video = await Video.get_or_none(id=upload.video_id)
    if video is None:
        raise UploadNotFoundError
    return video


async def cancel(upload: Upload) -> None:
    """Forget an upload and what has arrived of it; a video that it became stays."""
    async with transaction():
        locked = await Upload.select_for_update().get_or_none(id=upload.id)
        if locked is None:
            return
        if locked.video_id is None:
            await _remove_files(locked)
        await locked.delete()


async def remove_stale(now: datetime) -> int:
    """Forget the uploads that stood still for too long; gives how many."""
    before, removed = now - timedelta(hours=settings().uploads.expire_hours), 0
    for upload_id in await queries.stale_uploads(before):
        async with transaction():
            upload = await (
                Upload.filter(id=upload_id, updated_at__lt=before)
                .select_for_update(skip_locked=True)
                .first()
            )
            if upload is None:
                continue
            if upload.video_id is None:
                await _remove_files(upload)
            await upload.delete()
            removed += 1
    return removed


async def sweep_scratch(*, older_than: float) -> int:
    """Remove this host's files, older than so many seconds, of uploads that no longer exist."""
    names = await asyncio.to_thread(scratch.names, older_than)
    known = await queries.known(list(names))
    gone = [path for upload_id, paths in names.items() if upload_id not in known for path in paths]
    for path in gone:
        await scratch.discard(path)
    return len(gone)


async def _become_video(upload: Upload, thumbnails: list[dict[str, Any]]) -> Video:
    """The rows of the video; the upload's row is locked, so that a file becomes one video only."""
    locked = await Upload.select_for_update().get_or_none(id=upload.id)
    if locked is None:
        raise UploadNotFoundError
    if locked.video_id is not None:
        return await result_of(locked)
    await User.select_for_update().get(id=upload.user_id)
    if not (await queries.usage_of(upload.user_id)).has_room_for(upload.size):
        raise _quota_reached()
    metadata = VideoCreate.model_validate(upload.metadata["video"])
    video = await create_video(
        upload.user_id,
        upload.metadata["channelId"],
        metadata,
        NewSource(filename=upload.filename, key=upload.key, size=upload.size),
        uuid=upload.video_uuid,
    )
    if thumbnails:
        await Video.filter(id=video.id).update(thumbnails=thumbnails)
    locked.video_id = video.id
    locked.metadata = {}  # there may be passwords in it
    await locked.save(update_fields=["video_id", "metadata", "updated_at"])
    return video


async def _remove_files(upload: Upload) -> None:
    await storage().delete(upload.key)
    await pictures.withdraw(upload)
    await scratch.remove(upload.id)
    await pictures.remove(upload.id)


def _dump(new: NewUpload) -> dict[str, Any]:
    """The description as JSON, without the fields that were not sent and without files."""
    video = new.metadata.model_dump(
        mode="json",
        include=set(VideoCreate.model_fields) & new.metadata.model_fields_set,
        by_alias=True,
    )
    return {"channelId": new.channel_id, "video": video}


def _quota_reached() -> TooLargeError:
    return TooLargeError(
        "Your quota does not allow another file of this size.", code="quota_reached"
    )
