"""Uploads under PeerTube's paths: in one request, and resumable (POST, PUT, DELETE)."""

from typing import Annotated
from uuid import UUID

from aiohttp import web
from pydantic import AliasChoices, Field

from app.core.api import Access, Api, Schema
from app.core.auth import require_actor
from app.core.errors import InvalidError
from app.core.ids import short
from app.core.requests import is_https
from app.uploads import chunks, ranges, service
from app.uploads.forms import new_upload, read_whole_upload
from app.uploads.schemas import ResumableUpload, UploadedVideo, UploadResult
from app.videos.models import Video

api = Api(tag="Video Upload")

#: Bytes of the first request of a resumable upload: the description and a picture or two.
FIRST_REQUEST_BYTES = 24 << 20


class UploadQuery(Schema):
    """Which resumable upload a request is about."""

    upload_id: Annotated[
        UUID, Field(validation_alias=AliasChoices("upload_id"), serialization_alias="upload_id")
    ]


@api.post("/videos/upload", access=Access.USER, returns=UploadResult)
async def upload_video(request: web.Request) -> UploadResult:
    """Upload a video in one request (multipart)."""
    actor = await require_actor(request)
    async with read_whole_upload(request, actor.user_id) as (new, file):
        video = await service.take_whole(actor.user_id, new, file)
    return _result(video)


@api.post("/videos/upload-resumable", access=Access.USER, status=201, max_body=FIRST_REQUEST_BYTES)
async def begin_upload(request: web.Request, form: ResumableUpload) -> web.Response:
    """Begin a resumable upload; Location is where its chunks go."""
    actor = await require_actor(request)
    size, kind = _announced_size(request), request.headers.get("X-Upload-Content-Type", "")
    new = new_upload(form, filename=form.filename, content_type=kind, size=size)
    upload = await service.begin(actor.user_id, new)
    scheme = "https" if is_https(request) else "http"
    place = f"{scheme}://{request.host}{request.path}?upload_id={upload.id}"
    return web.Response(status=201, headers={"Location": place})


# A fast line sends more chunks than other calls are allowed: quotas and sizes limit these.
@api.put("/videos/upload-resumable", access=Access.USER, rate=None, returns=UploadResult)
async def take_chunk(request: web.Request, query: UploadQuery) -> UploadResult | web.StreamResponse:
    """Send a chunk (Content-Range: bytes 0-99/200), or ask what has arrived (bytes */200)."""
    actor = await require_actor(request)
    span = ranges.parse(request.headers.get("Content-Range"))
    upload = await service.find(query.upload_id, actor.user_id)
    outcome = await chunks.take(upload, span, request.content, length=request.content_length)
    if isinstance(outcome, int):
        return web.Response(status=308, headers=chunks.range_header(outcome))
    return _result(outcome)


@api.delete("/videos/upload-resumable", access=Access.USER)
async def cancel_upload(request: web.Request, query: UploadQuery) -> None:
    """Cancel a resumable upload and remove what has arrived."""
    actor = await require_actor(request)
    await chunks.cancel(await service.find(query.upload_id, actor.user_id))


def _announced_size(request: web.Request) -> int:
    text = request.headers.get("X-Upload-Content-Length", "")
    if not (text.isascii() and text.isdecimal() and len(text) < 19):
        raise InvalidError(
            "The header X-Upload-Content-Length must tell the size of the file in bytes.",
            field="X-Upload-Content-Length",
        )
    return int(text)


def _result(video: Video) -> UploadResult:
    return UploadResult(
        video=UploadedVideo(id=video.id, uuid=video.uuid, short_uuid=short(video.uuid))
    )
