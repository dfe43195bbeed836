"""Pages: a channel and an account as everybody sees them, with their videos.

They stand above videos, whose lists they show; channels and accounts themselves know no videos.
"""

from typing import Annotated, Final
from urllib.parse import quote

from aiohttp import web
from pydantic import Field, StringConstraints

from app.accounts.queries import account_by_handle
from app.channels.queries import channel_by_handle, channels_of
from app.core.api import Schema
from app.core.auth import known_actor
from app.core.db import Row
from app.core.errors import NotFoundError
from app.core.pages import Pages, render
from app.videos import queries as videos
from app.videos.filters import Scope, VideoFilter
from app.videos.showing import sensitive_wish

pages = Pages()

PAGE: Final = 24
#: nobody pages further by hand; whoever wants everything uses the API
FURTHEST: Final = 10_000

Handle = Annotated[str, StringConstraints(min_length=1, max_length=304)]


class Place(Schema):
    """Where in a list a page begins."""

    start: Annotated[int, Field(ge=0, le=FURTHEST)] = 0


async def _videos(
    request: web.Request,
    start: int,
    *,
    channel_id: int | None = None,
    account_id: int | None = None,
) -> tuple[list[Row], str | None]:
    """A page of videos and the address of the next one; one video more than is shown tells."""
    viewer = known_actor(request)
    wanted = VideoFilter(
        scope=Scope.CHANNEL if channel_id is not None else Scope.ACCOUNT,
        channel_id=channel_id,
        account_id=account_id,
        nsfw=sensitive_wish(viewer),
        start=start,
        count=PAGE + 1,
    )
    found = list(await videos.list_videos(wanted, viewer))
    further = len(found) > PAGE and start + PAGE <= FURTHEST
    return found[:PAGE], f"{request.path}?start={start + PAGE}" if further else None


@pages.get("/c/{handle}")
async def show_channel(request: web.Request, handle: Handle, query: Place) -> web.Response:
    """A channel with its videos, newest first."""
    channel = await channel_by_handle(handle)
    if channel is None:
        raise NotFoundError("There is no such channel.")
    found, more = await _videos(request, query.start, channel_id=channel["channel_id"])
    actor = known_actor(request)
    return render(
        request,
        "channels/show.html",
        channel=channel,
        videos=found,
        more=more,
        start=query.start,
        is_own=actor is not None and actor.account_id == channel["account_id"],
    )


@pages.get("/a/{handle}")
async def show_account(request: web.Request, handle: Handle, query: Place) -> web.Response:
    """An account with its channels and its videos, newest first."""
    account = await account_by_handle(handle)
    if account is None:
        raise NotFoundError("There is no such account.")
    found, more = await _videos(request, query.start, account_id=account["account_id"])
    actor = known_actor(request)
    return render(
        request,
        "accounts/show.html",
        account=account,
        channels=await channels_of(account["account_id"]),
        videos=found,
        more=more,
        start=query.start,
        is_own=actor is not None and actor.account_id == account["account_id"],
    )


@pages.get("/c/{handle}/videos")
@pages.get("/video-channels/{handle}")
@pages.get("/video-channels/{handle}/videos")
async def move_channel(request: web.Request, handle: Handle) -> web.Response:
    """PeerTube's other addresses of a channel."""
    return _moved(request, f"/c/{handle}")


@pages.get("/a/{handle}/video-channels")
@pages.get("/a/{handle}/videos")
@pages.get("/accounts/{handle}")
@pages.get("/accounts/{handle}/video-channels")
async def move_account(request: web.Request, handle: Handle) -> web.Response:
    """PeerTube's other addresses of an account."""
    return _moved(request, f"/a/{handle}")


def _moved(request: web.Request, path: str) -> web.Response:
    query = f"?{request.query_string}" if request.query_string else ""
    return web.Response(status=302, headers={"Location": quote(path, safe="/@") + query})
