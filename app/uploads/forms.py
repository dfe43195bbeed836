"""What forms and JSON say about a file to come; whole uploads inside a form."""

import contextlib
import errno
from collections.abc import AsyncIterator, Iterator
from pathlib import Path, PurePath
from typing import Final

from aiohttp import web

from app.config import settings
from app.core import inputs
from app.core.errors import InvalidError, TooLargeError
from app.uploads import service
from app.uploads.kinds import extension_of
from app.uploads.schemas import VideoUpload, WholeUpload
from app.uploads.scratch import DiskFullError
from app.uploads.service import NewUpload

#: Bytes of a form besides its video: the description, two pictures, the boundaries.
FORM_BYTES: Final = 24 << 20
_PRINTED_LENGTH: Final = 300


def new_upload(said: VideoUpload, *, filename: str, content_type: str, size: int) -> NewUpload:
    """A file to come, from what was said about it. Raises UnsupportedKindError."""
    picture = said.thumbnailfile or said.previewfile
    filename = PurePath(filename.replace("\\", "/")).name or filename
    return NewUpload(
        filename=filename[-_PRINTED_LENGTH:],
        extension=extension_of(filename, content_type),
        size=size,
        channel_id=said.channel_id,
        metadata=said,
        picture=picture.path if picture and picture.size else None,
    )


@contextlib.asynccontextmanager
async def read_whole_upload(
    request: web.Request, user_id: int
) -> AsyncIterator[tuple[NewUpload, Path]]:
    """Read a form with a video: what it says, and the file on disk while the block runs.

    Refused before any byte is read when its head tells that it is too large. Raises TooLargeError,
    DiskFullError, InvalidInputError, UnsupportedKindError.
    """
    if request.content_type != "multipart/form-data":
        raise InvalidError("Send the video as multipart/form-data.", field="videofile")
    if request.content_length is not None:
        await service.ensure_admitted(user_id, max(1, request.content_length - FORM_BYTES))
    limit = settings().uploads.max_size + FORM_BYTES
    try:
        with disk_errors():
            async with inputs.read_form(request, WholeUpload, limit=limit) as form:
                file = form.videofile
                new = new_upload(
                    form, filename=file.filename, content_type=file.content_type, size=file.size
                )
                yield new, file.path
    except TooLargeError as error:
        error.code = error.code or "max_file_size_reached"
        raise


@contextlib.contextmanager
def disk_errors() -> Iterator[None]:
    """A disk without room is DiskFullError."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFullError from None
        raise
