"""Videos over REST: lists, one video, changes, the fixed lists they draw from."""

from typing import Annotated

from aiohttp import web
from pydantic import StringConstraints

from app.accounts.pictures import Kind, stored
from app.accounts.queries import account_by_handle
from app.channels.queries import channel_by_handle
from app.core.api import Access, Api
from app.core.auth import Actor, current_actor, require_actor
from app.core.db import Row
from app.core.errors import NotFoundError
from app.media.thumbnails import THUMBNAIL_SIZES
from app.videos import queries, service, vocabulary
from app.videos.answers import (
    Captions,
    Chapters,
    Description,
    Storyboards,
    VideoDetails,
    VideoList,
)
from app.videos.details import storyboard_json, video_details_json
from app.videos.filters import Scope, VideoFilter
from app.videos.schemas import VideoListQuery, VideoUpdateForm
from app.videos.summaries import video_json

api = Api(tag="Video")

PASSWORD_HEADER = "x-peertube-video-password"  # noqa: S105 - a header's name
THUMBNAIL = Kind("thumbnails", THUMBNAIL_SIZES)
#: a picture and its preview, each at most 4 MiB, and the text beside them
MAX_FORM = 10 << 20

#: An id, a uuid or a short uuid.
Reference = Annotated[str, StringConstraints(min_length=1, max_length=36)]
Handle = Annotated[str, StringConstraints(min_length=1, max_length=310)]


@api.get("/videos", returns=VideoList)
async def list_videos(request: web.Request, query: VideoListQuery) -> bytes:
    """Public videos, and internal ones for somebody who is logged in."""
    viewer = await current_actor(request)
    return await answer_list(video_filter(query, viewer), viewer, query)


@api.get("/accounts/{handle}/videos", returns=VideoList)
async def list_account_videos(request: web.Request, handle: Handle, query: VideoListQuery) -> bytes:
    """The videos of an account's channels."""
    if (account := await account_by_handle(handle)) is None:
        raise NotFoundError("There is no such account.")
    viewer = await current_actor(request)
    wanted = video_filter(query, viewer, scope=Scope.ACCOUNT, account_id=account["account_id"])
    return await answer_list(wanted, viewer, query)


@api.get("/video-channels/{handle}/videos", returns=VideoList)
async def list_channel_videos(request: web.Request, handle: Handle, query: VideoListQuery) -> bytes:
    """The videos of a channel."""
    if (channel := await channel_by_handle(handle)) is None:
        raise NotFoundError("There is no such channel.")
    viewer = await current_actor(request)
    wanted = video_filter(query, viewer, scope=Scope.CHANNEL, channel_id=channel["channel_id"])
    return await answer_list(wanted, viewer, query)


@api.get("/users/me/videos", access=Access.USER, returns=VideoList)
async def list_my_videos(request: web.Request, query: VideoListQuery) -> bytes:
    """All of the user's own videos, whatever their state and privacy."""
    viewer = await require_actor(request)
    query = query.model_copy(
        update={"nsfw": query.nsfw or "both", "sort": query.sort or "-createdAt"}
    )
    return await answer_list(video_filter(query, viewer, scope=Scope.MINE), viewer, query)


def video_filter(
    query: VideoListQuery,
    viewer: Actor | None,
    *,
    scope: Scope = Scope.PUBLIC,
    channel_id: int | None = None,
    account_id: int | None = None,
) -> VideoFilter:
    """PeerTube's parameters as a filter, with the viewer's own wish about sensitive videos."""
    return VideoFilter(
        scope=scope,
        channel_id=channel_id,
        account_id=account_id,
        search=query.search,
        categories=tuple(query.category_one_of or ()),
        licences=tuple(query.licence_one_of or ()),
        languages=tuple(query.language_one_of or ()),
        tags_one_of=tuple(query.tags_one_of or ()),
        tags_all_of=tuple(query.tags_all_of or ()),
        nsfw=_nsfw(query.nsfw, viewer),
        nsfw_flags_included=query.nsfw_flags_included,
        nsfw_flags_excluded=query.nsfw_flags_excluded,
        is_live=query.is_live,
        is_local=query.is_local,
        host=query.host,
        # web videos are single files that play without a playlist: we make none
        has_hls=False if query.has_web_video_files else query.has_hls_files,
        channel_names=tuple(query.channel_name_one_of or ()),
        privacies=tuple(query.privacy_one_of or ()),
        unpublished=bool(query.include & 1),
        sort=query.sort or "-publishedAt",
        start=query.start,
        count=query.count,
    )


def _nsfw(asked: str | None, viewer: Actor | None) -> bool | None:
    if asked is not None:
        return {"true": True, "false": False, "both": None}[asked]
    policy = viewer.preferences.get("nsfwPolicy", "do_not_list") if viewer else "do_not_list"
    return False if policy == "do_not_list" else None


async def answer_list(wanted: VideoFilter, viewer: Actor | None, query: VideoListQuery) -> bytes:
    """A page of a list, with the whole list's length unless that is not wanted."""
    rows = await queries.list_videos(wanted, viewer)
    if query.skip_count:
        return video_json(rows, None)
    if len(rows) < wanted.count and (rows or not wanted.start):
        return video_json(rows, wanted.start + len(rows))  # the last page tells without counting
    return video_json(rows, await queries.count_videos(wanted, viewer))


@api.get("/videos/categories", returns=dict[str, str])
async def list_categories(request: web.Request) -> dict[int, str]:
    """The categories, by number."""
    return vocabulary.CATEGORIES


@api.get("/videos/licences", returns=dict[str, str])
async def list_licences(request: web.Request) -> dict[int, str]:
    """The licences, by number."""
    return vocabulary.LICENCES


@api.get("/videos/languages", returns=dict[str, str])
async def list_languages(request: web.Request) -> dict[str, str]:
    """The languages a video may be in, by code."""
    return vocabulary.LANGUAGES


@api.get("/videos/privacies", returns=dict[str, str])
async def list_privacies(request: web.Request) -> dict[int, str]:
    """Who may see a video, by number."""
    return vocabulary.PRIVACIES


@api.get("/videos/{id}", returns=VideoDetails)
async def get_video(request: web.Request, id: Reference) -> bytes:
    """One video with everything."""
    return video_details_json(await visible_video(request, id))


async def visible_video(request: web.Request, reference: str) -> Row:
    """The video that a request is about, if who asks may see it."""
    return await queries.get_video(
        reference,
        await current_actor(request),
        password=request.headers.get(PASSWORD_HEADER),
        file_token=request.query.get("videoFileToken"),
    )


@api.get("/videos/{id}/description")
async def get_description(request: web.Request, id: Reference) -> Description:
    """The whole description of a video."""
    return Description(description=(await visible_video(request, id))["description"])


@api.get("/videos/{id}/storyboards")
async def list_storyboards(request: web.Request, id: Reference) -> Storyboards:
    """The storyboards of a video."""
    row = await visible_video(request, id)
    return Storyboards.model_validate({"storyboards": storyboard_json(row)})


@api.get("/videos/{id}/captions")
async def list_captions(request: web.Request, id: Reference) -> Captions:
    """The captions of a video: none, until they can be added; players ask before they start."""
    await visible_video(request, id)
    return Captions(total=0, data=[])


@api.get("/videos/{id}/chapters")
async def list_chapters(request: web.Request, id: Reference) -> Chapters:
    """The chapters of a video: none, until they can be added; players ask before they start."""
    await visible_video(request, id)
    return Chapters(chapters=[])


@api.put("/videos/{id}", access=Access.USER, max_body=MAX_FORM)
async def update_video(request: web.Request, id: Reference, form: VideoUpdateForm) -> None:
    """Change what is said about a video, who may see it, and its picture."""
    actor = await require_actor(request)
    row = await queries.get_own_video(id, actor)
    owner_id = row["owner_id"]
    picture = form.previewfile or form.thumbnailfile  # the preview is the larger of the two
    if picture is None:
        await service.update_video(row["id"], form, actor_user_id=owner_id)
        return
    async with stored(picture.path, THUMBNAIL) as thumbnails:
        await service.update_video(row["id"], form, actor_user_id=owner_id, thumbnails=thumbnails)


@api.delete("/videos/{id}", access=Access.USER)
async def delete_video(request: web.Request, id: Reference) -> None:
    """Delete a video for good."""
    row = await queries.get_own_video(id, await require_actor(request))
    await service.delete_video(row["id"])
