"""Serves the files of videos and the pictures around them, and gives tokens for the former."""

from datetime import UTC, datetime

from aiohttp import web

from app.core.api import Api, Schema, Timestamp
from app.core.auth import current_actor
from app.core.errors import NotFoundError
from app.core.ids import parse_uuid
from app.core.ratelimit import REDIS
from app.core.requests import client_address
from app.playback.files import PLAYLISTS, read_small, serve
from app.playback.gate import is_open, pass_download_gate, pass_gate
from app.playback.playlists import with_token
from app.videos import views
from app.videos.access import new_file_token
from app.videos.api import Reference, visible_video
from app.videos.queries import facts_of
from app.videos.schemas import UserViewingVideo

api = Api(tag="Static Video Files")

FOREVER = "max-age=31536000, immutable"
#: A playlist may be growing; a player that asks again gets what is new.
BRIEFLY = "max-age=2"
PLAYLIST_TYPE = "application/vnd.apple.mpegurl"
#: Folders of PeerTube's addresses of pictures, and of storage.
PICTURES = {
    "thumbnails": "thumbnails",
    "previews": "thumbnails",
    "storyboards": "storyboards",
    "avatars": "avatars",
    "banners": "banners",
}
_CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "Content-Length, Content-Range, ETag, Accept-Ranges",
    "Timing-Allow-Origin": "*",
}


class FileToken(Schema):
    """A token that opens the files of a video."""

    token: str
    expires: Timestamp


class VideoToken(Schema):
    """PeerTube's envelope of it."""

    files: FileToken


# Files are without a rate limit: a player asks for hundreds of parts, a page for dozens of pictures
@api.get("//static/streaming-playlists/hls/{uuid}/{filename}", rate=None, returns=bytes)
async def get_media_file(request: web.Request, uuid: str, filename: str) -> web.StreamResponse:
    """A media file or playlist of a video, for whoever may see the video.

    Somebody proves that by a session, `videoFileToken`, or `x-peertube-video-password`.
    """
    if (video := parse_uuid(uuid)) is None:
        raise NotFoundError("There is no such file.")
    is_download = bool(request.query.get("download"))
    facts = await (pass_download_gate if is_download else pass_gate)(request, video)
    key = f"hls/{video}/{filename}"
    audience = "public" if is_open(facts) and not is_download else "private"
    headers = _CORS | {"Cache-Control": f"{audience}, {_lifetime(filename)}"}
    token = request.query.get("videoFileToken")
    if filename.endswith(".m3u8") and token and _is_true(request, "reinjectVideoFileToken"):
        text = with_token((await read_small(key)).decode(), token)
        return web.Response(body=text.encode(), headers=headers | {"Content-Type": PLAYLIST_TYPE})
    return await serve(
        key,
        headers=headers,
        is_public=is_open(facts),
        download_as=filename if is_download else "",
    )


@api.get("//lazy-static/{kind}/{filename}", rate=None, returns=bytes)
async def get_picture(request: web.Request, kind: str, filename: str) -> web.StreamResponse:
    """A thumbnail, preview, storyboard, avatar or banner; its name cannot be guessed."""
    if kind not in PICTURES:
        raise NotFoundError("There is no such file.")
    headers = _CORS | {"Cache-Control": f"public, {FOREVER}"}
    return await serve(f"{PICTURES[kind]}/{filename}", headers=headers, is_public=True)


@api.post("/videos/{id}/token")
async def get_file_token(request: web.Request, id: Reference) -> VideoToken:
    """A token for the files of a video, where a player can send neither cookie nor header."""
    token, expires = new_file_token(await facts_of(await visible_video(request, id)))
    return VideoToken(files=FileToken(token=token, expires=datetime.fromtimestamp(expires, UTC)))


@api.route("PUT", "/videos/{id}/views")
async def report_view_again(request: web.Request, id: Reference, body: UserViewingVideo) -> None:
    """As POST, for older clients."""
    await report_view(request, id, body)


@api.post("/videos/{id}/views")
async def report_view(request: web.Request, id: Reference, body: UserViewingVideo) -> None:
    """Somebody is watching, and has got so far."""
    row = await visible_video(request, id)
    actor = await current_actor(request)
    redis = request.config_dict.get(REDIS)
    if redis is None or not views.is_watched(body.current_time, row["duration"]):
        return
    viewer = (
        f"user {actor.user_id}"
        if actor
        else f"{client_address(request)} {request.headers.get('User-Agent', '')}"
    )
    await views.count_view(redis, row["id"], viewer)


def _lifetime(filename: str) -> str:
    return BRIEFLY if filename.endswith(PLAYLISTS) else FOREVER


def _is_true(request: web.Request, name: str) -> bool:
    return request.query.get(name, "").lower() in {"true", "1"}
