"""What only the owner of a video sees over REST: its passwords, the file it came from."""

from aiohttp import web

from app.core.api import Access, Api, ListQuery, Page, page
from app.core.auth import require_actor
from app.core.db import Row
from app.core.errors import InvalidError, NotFoundError
from app.videos import queries, service
from app.videos.answers import VideoPassword, VideoSource
from app.videos.api import Reference, visible_video
from app.videos.files import describe_source, media_metadata
from app.videos.models import Privacy
from app.videos.models import VideoSource as VideoSourceRow
from app.videos.schemas import NewPassword, Passwords

api = Api(tag="Video Passwords")


async def _protected_video(request: web.Request, reference: str) -> Row:
    """A password-protected video of the asker's. Raises InvalidError for another kind."""
    row = await queries.get_own_video(reference, await require_actor(request))
    if row["privacy"] != Privacy.PASSWORD_PROTECTED:
        raise InvalidError("This video is not protected by a password.", field="id")
    return row


@api.get("/videos/{id}/passwords", access=Access.USER)
async def list_passwords(
    request: web.Request,
    id: Reference,
    query: ListQuery,
) -> Page[VideoPassword]:
    """The passwords of a video."""
    row = await _protected_video(request, id)
    found = await queries.list_passwords(row["id"])
    wanted = found[query.start : query.start + query.count]
    return page(len(found), [VideoPassword.model_validate(dict(each)) for each in wanted])


@api.put("/videos/{id}/passwords", access=Access.USER)
async def replace_passwords(request: web.Request, id: Reference, body: Passwords) -> None:
    """Replace the passwords of a video."""
    row = await _protected_video(request, id)
    await service.set_passwords(row["id"], body.passwords)


@api.post("/videos/{id}/passwords", access=Access.USER)
async def add_password(request: web.Request, id: Reference, body: NewPassword) -> None:
    """Add a password to a video."""
    row = await _protected_video(request, id)
    await service.add_password(row["id"], body.password)


@api.delete("/videos/{id}/passwords/{passwordId}", access=Access.USER)
async def delete_password(request: web.Request, id: Reference, passwordId: int) -> None:
    """Delete a password of a video; the last one stays."""
    row = await _protected_video(request, id)
    await service.delete_password(row["id"], passwordId)


@api.get("/videos/{id}/source", access=Access.USER)
async def get_source(request: web.Request, id: Reference) -> VideoSource:
    """What is known of the file that was uploaded."""
    row = await queries.get_own_video(id, await require_actor(request))
    source = await VideoSourceRow.get_or_none(video_id=row["id"])
    if source is None:
        raise NotFoundError("The uploaded file of this video is not known.")
    return describe_source(source)


@api.get("/videos/{id}/metadata/{fileId}", returns=dict[str, object])
async def get_metadata(request: web.Request, id: Reference, fileId: int) -> dict[str, object]:
    """What ffprobe would tell of a media file: its format and its streams."""
    row = await visible_video(request, id)
    return media_metadata(row, fileId)
