"""The picture that an uploader chose for a video.

It is made small at once, kept beside the upload and put into storage with the finished file. Its
names follow from the video's uuid, so that a repetition makes no second one.
"""

import asyncio
import shutil
from pathlib import Path
from typing import Any
from uuid import UUID

from app.core.errors import InvalidError
from app.core.storage import storage
from app.media import images
from app.media.errors import MediaError
from app.media.thumbnails import THUMBNAIL_SIZES
from app.uploads import scratch
from app.uploads.models import Upload


async def keep(upload_id: UUID, picture: Path) -> None:
    """Make a picture's sizes and keep them. Raises InvalidError when the file is no picture."""
    folder = scratch.pictures_of(upload_id)
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    try:
        await images.resize(picture, folder, THUMBNAIL_SIZES)
    except MediaError as error:
        if not error.is_files_fault:
            raise
        raise InvalidError(error.message, code=error.code, field="thumbnailfile") from error


async def publish(upload: Upload) -> list[dict[str, Any]]:
    """Put the pictures of an upload into storage; gives `models.Video.thumbnails`."""
    found: list[dict[str, Any]] = []
    for size in THUMBNAIL_SIZES:
        path = scratch.pictures_of(upload.id) / f"{size.name}.jpg"
        name = _filename(upload, size.name)
        if await asyncio.to_thread(path.exists):
            content = await asyncio.to_thread(path.read_bytes)
            await storage().put_bytes(f"thumbnails/{name}", content, "image/jpeg")
            found.append({"width": size.width, "height": size.height, "filename": name})
    return found


async def withdraw(upload: Upload) -> None:
    """Take the pictures of an upload that became no video out of storage again."""
    names = [f"thumbnails/{_filename(upload, size.name)}" for size in THUMBNAIL_SIZES]
    await storage().delete(*names)


async def remove(upload_id: UUID) -> None:
    """Remove the pictures beside an upload."""
    await asyncio.to_thread(shutil.rmtree, scratch.pictures_of(upload_id), ignore_errors=True)


def _filename(upload: Upload, size: str) -> str:
    return f"{upload.video_uuid}-{size}.jpg"
