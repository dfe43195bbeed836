"""Videos on other sites: the page for their frames, and oEmbed, which tells them of it."""

from typing import Annotated
from urllib.parse import urlsplit

from aiohttp import web
from pydantic import Field, StringConstraints

from app.accounts.schemas import account_url, site_url
from app.config import settings
from app.core.api import Schema
from app.core.auth import known_actor
from app.core.db import Row
from app.core.errors import AppError, ForbiddenError, InvalidError, NotFoundError
from app.core.forms import FormErrors, read_form
from app.core.i18n import gettext
from app.core.ids import parse_uuid, short
from app.core.pages import Pages, render
from app.core.security import allow_framing, allow_inline_styles
from app.videos import queries, showing
from app.videos.access import file_cookie, new_file_token
from app.videos.models import Privacy
from app.videos.pages import PasswordForm, Reference

pages = Pages()

OEMBED_VERSION = "1.0"


class OEmbedQuery(Schema):
    """What oembed.com names."""

    url: Annotated[str, StringConstraints(max_length=2000)]
    format: str = "json"
    maxwidth: Annotated[int | None, Field(alias="maxwidth", ge=1)] = None
    maxheight: Annotated[int | None, Field(alias="maxheight", ge=1)] = None


@pages.get("/videos/embed/{video}")
async def embed(request: web.Request, video: Reference) -> web.Response:
    """A video alone, for the frame of another site; PeerTube's parameters set its player."""
    allow_framing(request)
    token = request.query.get("videoFileToken")
    uuid = parse_uuid(video)
    cookie = request.cookies.get(file_cookie(uuid)) if uuid else None
    try:
        row = await queries.get_video(video, known_actor(request), file_token=token or cookie)
    except AppError as error:
        return _closed(request, error)
    return _player(request, row, token=token)


@pages.post("/videos/embed/{video}", rate="login")
async def embed_with_password(request: web.Request, video: Reference) -> web.Response:
    """Take the password in the frame. Frames get no cookies of ours: the files open by a token."""
    allow_framing(request)
    form = await read_form(request, PasswordForm)
    given = "" if isinstance(form, FormErrors) else form.password
    try:
        row = await queries.get_video(video, known_actor(request), password=given)
    except AppError as error:
        return _closed(request, error)
    token, _ = new_file_token(await queries.facts_of(row))
    return _player(request, row, token=token)


@pages.get("/services/oembed")
async def oembed(_: web.Request, query: OEmbedQuery) -> web.Response:
    """How to show the video of an address of ours; only of what anybody may see."""
    if query.format != "json":
        raise AppError("Only JSON is spoken here.", status=501)
    row = await queries.get_video(_video_at(query.url), None)
    if row["privacy"] not in (Privacy.PUBLIC, Privacy.UNLISTED):
        raise ForbiddenError("This video is not for everybody.")
    preview = showing.preview_context(row)
    width, height = _fitted(preview["frame"], query.maxwidth, query.maxheight)
    return web.json_response(
        {
            "type": "video",
            "version": OEMBED_VERSION,
            "html": showing.embed_code(row, width, height),
            "width": width,
            "height": height,
            "title": row["name"],
            "author_name": row["account_display_name"],
            "author_url": account_url(row["account_name"], row["account_host"]),
            "provider_name": settings().site.name,
            "provider_url": site_url(),
            "thumbnail_url": preview["picture_url"],
        },
        headers={"Access-Control-Allow-Origin": "*"},
    )


def _player(request: web.Request, row: Row, *, token: str | None) -> web.Response:
    allow_inline_styles(request)
    return render(
        request,
        "playback/embed.html",
        video=row,
        page_url=f"{site_url()}/w/{short(row['uuid'])}",
        player_options=showing.player_options(request.query),
        **showing.player_context(row, token=token),
    )


def _closed(request: web.Request, error: AppError) -> web.Response:
    """Why there is nothing to see, and the field for a password where one opens it."""
    asks = error.code in ("video_requires_password", "incorrect_video_password")
    return render(
        request,
        "playback/embed_closed.html",
        asks_password=asks,
        wrong=error.code == "incorrect_video_password",
        sentence=gettext(error.detail),
        status=error.status,
    )


def _video_at(url: str) -> str:
    """The video in an address of ours. Raises InvalidError, NotFoundError."""
    parts = urlsplit(url)
    if parts.netloc != urlsplit(site_url()).netloc:
        raise InvalidError("This address is not one of this site.", field="url")
    for prefix in ("/w/", "/videos/watch/", "/videos/embed/"):
        if parts.path.startswith(prefix):
            return parts.path.removeprefix(prefix).rstrip("/")
    raise NotFoundError("There is no video at this address.")


def _fitted(frame: tuple[int, int], width: int | None, height: int | None) -> tuple[int, int]:
    """The frame, made smaller until it fits."""
    shrink = min(1.0, (width or frame[0]) / frame[0], (height or frame[1]) / frame[1])
    return max(1, int(frame[0] * shrink)), max(1, int(frame[1] * shrink))
