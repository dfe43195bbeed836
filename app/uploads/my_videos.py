"""Pages: your own videos, ready or not; one of them changed; several of them at once."""

import json
from typing import Annotated, Any, Final
from urllib.parse import quote

from aiohttp import web
from pydantic import Field, StringConstraints

from app.accounts.pictures import MAX_REQUEST, stored
from app.channels.queries import channels_of
from app.core.api import Access, Schema
from app.core.auth import Actor, require_actor
from app.core.db import Row
from app.core.errors import AppError
from app.core.forms import FormErrors, read_form, refused
from app.core.i18n import gettext, ngettext
from app.core.ids import short
from app.core.pages import Pages, redirect, render
from app.uploads.choices import choices, privacies
from app.uploads.page_forms import BulkAction, BulkForm, EditForm
from app.uploads.queries import unfinished
from app.videos import queries, service
from app.videos.api import THUMBNAIL
from app.videos.filters import Scope, VideoFilter
from app.videos.models import Privacy
from app.videos.schemas import VideoUpdate

pages = Pages()

PAGE: Final = 30
HOME: Final = "/my/videos"
Reference = Annotated[str, StringConstraints(min_length=1, max_length=36)]


class MyVideosQuery(Schema):
    """Which of your videos are listed."""

    search: Annotated[str, Field(max_length=100)] | None = None
    start: Annotated[int, Field(ge=0, le=10_000_000)] = 0


@pages.get("/my/videos", access=Access.USER)
async def show_my_videos(request: web.Request, query: MyVideosQuery) -> web.Response:
    """All of them, the newest first."""
    actor = await require_actor(request)
    wanted = VideoFilter(
        scope=Scope.MINE,
        nsfw=None,
        search=query.search,
        sort="-createdAt",
        start=query.start,
        count=PAGE,
    )
    search = f"search={quote(query.search)}&" if query.search else ""
    videos = await queries.list_videos(wanted, actor)
    return render(
        request,
        "uploads/my_videos.html",
        videos=videos,
        unfinished=await unfinished([row["id"] for row in videos]),
        total=await queries.count_videos(wanted, actor),
        query=query,
        count=PAGE,
        address=lambda start: f"{HOME}?{search}start={start}",
        privacies=[each[:2] for each in privacies() if each[0] != Privacy.PASSWORD_PROTECTED],
    )


@pages.post("/my/videos", access=Access.USER)
async def take_bulk(request: web.Request) -> web.Response:
    """Change several videos at once; deleting asks first."""
    actor = await require_actor(request)
    form = await read_form(request, BulkForm)
    if isinstance(form, FormErrors):
        return redirect(request, HOME)
    rows = [await queries.get_own_video(str(number), actor) for number in form.videos or ()]
    if not rows:
        return redirect(request, HOME, flash=gettext("Choose some videos first."))
    if form.action is BulkAction.DELETE:
        return await _delete(request, rows, sure=form.sure)
    if form.privacy is None:
        return redirect(request, HOME, flash=gettext("Choose who may see them."))
    for row in rows:
        change = VideoUpdate(privacy=Privacy(form.privacy))
        await service.update_video(row["id"], change, actor_user_id=row["owner_id"])
    return redirect(request, HOME, flash=_changed(len(rows)))


async def _delete(request: web.Request, rows: list[Row], *, sure: bool) -> web.Response:
    if not sure:
        return render(request, "uploads/delete.html", videos=rows)
    for row in rows:
        await service.delete_video(row["id"])
    count = len(rows)
    said = ngettext("%(num)d video is removed.", "%(num)d videos are removed.", count)
    return redirect(request, HOME, flash=said % {"num": count})


def _changed(count: int) -> str:
    said = ngettext("%(num)d video is changed.", "%(num)d videos are changed.", count)
    return said % {"num": count}


@pages.get("/my/videos/{video}", access=Access.USER)
async def show_my_video(request: web.Request, video: Reference) -> web.Response:
    """The form of one video."""
    actor = await require_actor(request)
    row = await queries.get_own_video(video, actor)
    return await _edit(request, actor, row, FormErrors(await _values(row)))


@pages.post("/my/videos/{video}", access=Access.USER)
async def take_my_video(request: web.Request, video: Reference) -> web.Response:
    """What is said about the video now, and who may see it."""
    actor = await require_actor(request)
    row = await queries.get_own_video(video, actor)
    form = await read_form(request, EditForm, limit=MAX_REQUEST)
    if isinstance(form, FormErrors):
        return await _edit(request, actor, row, form, status=400)
    try:
        await _save(row, form)
    except AppError as error:
        return await _edit(request, actor, row, refused(error, form), status=error.status)
    return redirect(request, f"/my/videos/{short(row['uuid'])}", flash=gettext("Saved."))


async def _save(row: Row, form: EditForm) -> None:
    owner_id, picture = row["owner_id"], form.thumbnailfile
    if picture is None or not picture.size:
        await service.update_video(row["id"], form, actor_user_id=owner_id)
        return
    async with stored(picture.path, THUMBNAIL) as thumbnails:
        await service.update_video(row["id"], form, actor_user_id=owner_id, thumbnails=thumbnails)


async def _values(row: Row) -> dict[str, Any]:
    """The video as its form shows it."""
    passwords: list[str] = []
    if row["privacy"] == Privacy.PASSWORD_PROTECTED:
        passwords = [each["password"] for each in await queries.list_passwords(row["id"])]
    first = row["originally_published_at"]
    return dict(row) | {
        "tags": json.loads(row["tags"]),
        "video_passwords": passwords,
        "originally_published_at": first.date().isoformat() if first else "",
    }


async def _edit(
    request: web.Request, actor: Actor, row: Row, form: FormErrors, *, status: int = 200
) -> web.Response:
    own = row["owner_id"] == actor.user_id
    channels = await channels_of(row["account_id"] if not own else actor.account_id)
    return render(
        request,
        "uploads/edit.html",
        status=status,
        video=row,
        form=form,
        channels=[(each["channel_id"], each["channel_display_name"]) for each in channels],
        complete=bool(row["playlist"] and json.loads(row["playlist"])["complete"]),
        **choices(),
    )
