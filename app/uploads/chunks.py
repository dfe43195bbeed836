"""One request of a resumable upload: what it brings, where the upload stands afterwards."""

from aiohttp import StreamReader

from app.core.errors import ConflictError
from app.uploads import reception, service
from app.uploads.models import Upload
from app.uploads.ranges import ContentRange
from app.uploads.scratch import DiskFullError, Part
from app.videos.models import Video


async def take(
    upload: Upload, span: ContentRange, content: StreamReader, *, length: int | None
) -> Video | int:
    """Take a chunk (or only look): gives the video once the file is whole, else how much is here.

    Bytes that are here already are skipped, so that a chunk may be sent again. `length` is the
    Content-Length. Raises ConflictError for a chunk that leaves a gap or contradicts the upload's
    size, BusyError, DiskFullError (after removing the upload) and what `service.finish` raises.
    """
    _ensure_consistent(upload, span, length)
    async with reception.exclusive(upload.id) as part:
        await upload.refresh_from_db()
        if upload.video_id is not None:
            return await service.result_of(upload)
        if part is None:  # moved into storage by a request that was cut off, or never of this host
            return await service.finish(upload)
        if span.first is not None and span.end is not None:
            await _append(upload, part, span.first, span.end, content)
        if part.size < upload.size:
            return part.size
        return await service.finish(upload)


async def cancel(upload: Upload) -> None:
    """Forget an upload and what has arrived of it, ending a request that still sends for it."""
    async with reception.exclusive(upload.id):
        await service.cancel(upload)


def _ensure_consistent(upload: Upload, span: ContentRange, length: int | None) -> None:
    if span.total is not None and span.total != upload.size:
        raise ConflictError(
            f"This upload was begun for a file of {upload.size} bytes.",
            code="size_mismatch",
            field="Content-Range",
        )
    if span.first is None or span.end is None:
        return
    if span.end > upload.size:
        raise ConflictError(
            f"The chunk reaches beyond the {upload.size} bytes of this upload.",
            code="range_mismatch",
            field="Content-Range",
        )
    if length is not None and length != span.end - span.first:
        raise ConflictError(
            "Content-Length and Content-Range contradict each other.",
            code="range_mismatch",
            field="Content-Range",
        )


async def _append(upload: Upload, part: Part, first: int, end: int, content: StreamReader) -> None:
    if first > part.size:
        raise ConflictError(
            f"The chunk leaves a gap: go on at byte {part.size}.",
            code="range_mismatch",
            field="Content-Range",
            headers=range_header(part.size),
        )
    try:
        await reception.receive(
            upload.id, part, content, skip=part.size - first, wanted=end - first
        )
    except DiskFullError:
        await service.cancel(upload)
        raise
    finally:
        await service.moved_on(upload)


def range_header(arrived: int) -> dict[str, str]:
    """The header that tells a client what has arrived; none when that is nothing."""
    return {"Range": f"bytes=0-{arrived - 1}"} if arrived else {}
