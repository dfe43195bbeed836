"""Search over REST: videos and channels of this site."""

from dataclasses import replace
from typing import Annotated

from aiohttp import web
from pydantic import Field, StringConstraints

from app.channels.schemas import VideoChannel, channel_in_list
from app.core.api import Api, ListQuery, Page, page
from app.core.auth import Actor, current_actor
from app.search import queries
from app.videos.answers import VideoList
from app.videos.api import video_filter
from app.videos.filters import VideoFilter
from app.videos.schemas import VideoSearchQuery, Word
from app.videos.summaries import video_json

api = Api(tag="Search")


class ChannelSearchQuery(ListQuery):
    """PeerTube's parameters of a search for channels."""

    search: Word = ""
    handles: Annotated[
        list[Annotated[str, StringConstraints(max_length=310)]] | None, Field(max_length=100)
    ] = None


def search_filter(query: VideoSearchQuery, viewer: Actor | None) -> VideoFilter:
    """PeerTube's parameters of a search as a filter; the words are apart."""
    return replace(
        video_filter(query, viewer),
        search=None,
        uuids=tuple(query.uuids or ()),
        published_after=query.start_date,
        published_before=query.end_date,
        originally_published_after=query.originally_published_start_date,
        originally_published_before=query.originally_published_end_date,
        duration_min=query.duration_min,
        duration_max=query.duration_max,
        sort=query.sort or queries.BEST_MATCH,
    )


@api.get("/search/videos", returns=VideoList)
async def search_videos(request: web.Request, query: VideoSearchQuery) -> bytes:
    """Videos that have the words, best match first; else those that are spelled nearly so."""
    viewer = await current_actor(request)
    rows, total = await queries.search_videos(
        query.search or "", search_filter(query, viewer), viewer
    )
    return video_json(rows, None if query.skip_count else total)


@api.get("/search/video-channels", returns=Page[VideoChannel])
async def search_channels(
    request: web.Request, query: ChannelSearchQuery
) -> Page[dict[str, object]]:
    """Channels whose names look like it."""
    rows, total = await queries.search_channels(
        query.search, handles=query.handles or (), start=query.start, count=query.count
    )
    return page(total, [channel_in_list(row) for row in rows])
