"""The pages of videos: the front page and its lists, and a video's own page."""

from typing import Annotated
from urllib.parse import quote, urlencode
from uuid import UUID

from aiohttp import web
from pydantic import Field, StringConstraints

from app.accounts.schemas import site_url
from app.core.api import Schema
from app.core.auth import Actor, known_actor
from app.core.db import Row
from app.core.errors import ForbiddenError, NotFoundError
from app.core.forms import FormErrors, read_form
from app.core.i18n import gettext
from app.core.ids import parse_uuid, short
from app.core.pages import Pages, redirect, render
from app.core.requests import is_https
from app.core.security import allow_inline_styles
from app.videos import queries, showing
from app.videos.access import (
    FILE_TOKEN_SECONDS,
    file_cookie,
    manages,
    may_download,
    new_file_token,
)
from app.videos.downloads import downloads
from app.videos.filters import VideoFilter

pages = Pages()

PAGE = 24
#: Nobody pages further by hand; whoever wants everything uses the API.
FURTHEST = 10_000

Reference = Annotated[str, StringConstraints(min_length=1, max_length=36)]


class Place(Schema):
    """Where in a list a page begins."""

    start: Annotated[int, Field(ge=0, le=FURTHEST)] = 0


class PasswordForm(Schema):
    """What opens a password-protected video."""

    password: Annotated[str, StringConstraints(min_length=1, max_length=255)]


@pages.get("/")
async def home(request: web.Request, query: Place) -> web.Response:
    """What is worth watching now, the first of it large."""
    # the large one stands beside a page of the others
    videos, more = await _page(
        request, "-hot", query.start, count=PAGE if query.start else PAGE + 1
    )
    first = videos[0] if videos and not query.start else None
    return render(
        request,
        "videos/home.html",
        featured=first,
        videos=videos[1:] if first else videos,
        more=more,
    )


@pages.get("/videos/trending")
async def trending(request: web.Request, query: Place) -> web.Response:
    """What was watched most in the last days."""
    return await _list(
        request,
        "-trending",
        query.start,
        heading=gettext("Trending"),
        sentence=gettext("What people watched most in the last seven days."),
    )


@pages.get("/videos/recently-added")
async def recently_added(request: web.Request, query: Place) -> web.Response:
    """The newest first."""
    return await _list(
        request,
        "-publishedAt",
        query.start,
        heading=gettext("New"),
        sentence=gettext("Fresh from the projector, newest first."),
    )


@pages.get("/videos/watch/{video}")
async def watch_by_uuid(request: web.Request, video: Reference) -> web.Response:
    """The address by which other sites know a video leads to its page."""
    uuid = parse_uuid(video)
    if uuid is None:
        raise NotFoundError("There is no such video.")
    return _moved(f"/w/{short(uuid)}", request)


@pages.get("/w/{video}")
async def watch(request: web.Request, video: Reference) -> web.Response:
    """A video: its player, what is said about it, what to watch next."""
    try:
        row = await _visible(request, video)
    except ForbiddenError as error:
        if error.code == "video_requires_password":
            return render(request, "videos/password.html", error=None)
        raise
    if video != short(row["uuid"]):
        return _moved(f"/w/{short(row['uuid'])}", request)
    allow_inline_styles(request)  # the player's controls bring theirs
    viewer = known_actor(request)
    facts = await queries.facts_of(row)
    page_url = f"{site_url()}/w/{short(row['uuid'])}"
    return render(
        request,
        "videos/watch.html",
        video=row,
        manages=manages(facts, viewer),
        downloads=downloads(row) if may_download(facts, viewer) else [],
        related=await related_videos(row, viewer),
        page_url=page_url,
        oembed_url=f"{site_url()}/services/oembed?{urlencode({'url': page_url})}",
        tags=showing.tags(row),
        facts=showing.facts(row),
        player_options=showing.player_options(request.query),
        **showing.player_context(row),
        **showing.preview_context(row),
    )


@pages.post("/w/{video}", rate="login")
async def open_with_password(request: web.Request, video: Reference) -> web.Response:
    """Take the password of a video, and remember in a cookie that it was right."""
    form = await read_form(request, PasswordForm)
    if isinstance(form, FormErrors):
        return render(
            request, "videos/password.html", error=form.errors.get("password"), status=400
        )
    try:
        row = await queries.get_video(video, known_actor(request), password=form.password)
    except ForbiddenError as error:
        if error.code != "incorrect_video_password":
            raise
        return render(
            request, "videos/password.html", error=gettext(error.detail), status=error.status
        )
    uuid: UUID = row["uuid"]
    token, _ = new_file_token(await queries.facts_of(row))
    response = redirect(request, f"/w/{short(uuid)}")
    response.set_cookie(
        file_cookie(uuid),
        token,
        max_age=FILE_TOKEN_SECONDS,
        httponly=True,
        samesite="Lax",
        secure=is_https(request),
    )
    return response


@pages.get("/w/{video}/storyboard.vtt")
async def storyboard(request: web.Request, video: Reference) -> web.Response:
    """Which part of the storyboard's sprite shows which seconds, for the player's seek bar."""
    row = await _visible(request, video)
    cues = showing.storyboard_cues(row)
    if cues is None:
        raise NotFoundError("This video has no storyboard.")
    return web.Response(
        text=cues, content_type="text/vtt", headers={"Cache-Control": "private, max-age=3600"}
    )


async def related_videos(row: Row, viewer: Actor | None, *, count: int = 12) -> list[Row]:
    """What to watch after a video: those that share a tag first, then what is hot."""
    wish = showing.sensitive_wish(viewer)
    found: list[Row] = []
    if tags := tuple(showing.tags(row)):
        found.extend(
            await queries.list_videos(
                VideoFilter(tags_one_of=tags, nsfw=wish, sort="-hot", count=count + 1), viewer
            )
        )
    if len(found) <= count:
        found.extend(
            await queries.list_videos(
                VideoFilter(nsfw=wish, sort="-hot", count=count + 1 + len(found)), viewer
            )
        )
    distinct = {each["id"]: each for each in found if each["id"] != row["id"]}
    return list(distinct.values())[:count]


async def _visible(request: web.Request, reference: str) -> Row:
    """The video that a page is about, if who asks may see it."""
    uuid = parse_uuid(reference)
    cookie = request.cookies.get(file_cookie(uuid)) if uuid else None
    token = request.query.get("videoFileToken") or cookie
    return await queries.get_video(reference, known_actor(request), file_token=token)


async def _page(
    request: web.Request, sort: str, start: int, *, count: int = PAGE
) -> tuple[list[Row], str | None]:
    """A page of a list, and the address of the next one; one video more than is shown tells."""
    viewer = known_actor(request)
    wanted = VideoFilter(
        nsfw=showing.sensitive_wish(viewer), sort=sort, start=start, count=count + 1
    )
    found = list(await queries.list_videos(wanted, viewer))
    further = len(found) > count and start + count <= FURTHEST
    return found[:count], f"{request.path}?start={start + count}" if further else None


async def _list(
    request: web.Request, sort: str, start: int, *, heading: str, sentence: str
) -> web.Response:
    videos, more = await _page(request, sort, start)
    return render(
        request,
        "videos/list.html",
        heading=heading,
        sentence=sentence,
        videos=videos,
        more=more,
        start=start,
    )


def _moved(path: str, request: web.Request) -> web.Response:
    """To a page's one address, with the query (a player's start time)."""
    target = quote(path) + (f"?{request.query_string}" if request.query_string else "")
    return web.Response(status=302, headers={"Location": target})
