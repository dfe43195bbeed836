"""REST: channels, their pictures, and the channels of an account."""

from aiohttp import web

from app.accounts.pictures import AVATAR, BANNER, MAX_REQUEST, Kind
from app.accounts.queries import account_by_handle
from app.accounts.schemas import AvatarFile, Avatars, Columns, images, now
from app.channels import queries, service
from app.channels.schemas import (
    AccountChannelsQuery,
    BannerFile,
    Banners,
    CreatedChannel,
    CreatedChannelResponse,
    NewChannel,
    VideoChannel,
    VideoChannelUpdate,
    channel,
    channel_in_list,
)
from app.core.api import Access, Api, ListQuery, Page, UploadedFile, page
from app.core.auth import current_actor, require_actor
from app.core.errors import NotFoundError

api = Api(tag="Video Channels")


@api.get("/video-channels", returns=Page[VideoChannel])
async def list_channels(
    request: web.Request,
    query: ListQuery,
) -> Page[dict[str, object]]:
    """The channels of this site, and those it knows of others."""
    rows = await queries.list_channels(start=query.start, count=query.count, sort=query.sort)
    return page(await queries.count_channels(), [channel_in_list(row) for row in rows])


@api.get("/video-channels/{handle}", returns=VideoChannel)
async def get_channel(request: web.Request, handle: str) -> dict[str, object]:
    """A channel, by `name` or `name@host`."""
    row = await queries.channel_by_handle(handle)
    if row is None:
        raise NotFoundError("There is no such channel.")
    return channel(row)


@api.get("/accounts/{handle}/video-channels", returns=Page[VideoChannel])
async def list_account_channels(
    request: web.Request, handle: str, query: AccountChannelsQuery
) -> Page[dict[str, object]]:
    """The channels of an account; with numbers when the owner asks for them."""
    owner = await account_by_handle(handle)
    if owner is None:
        raise NotFoundError("There is no such account.")
    account_id = owner["account_id"]
    rows = await queries.channels_of(
        account_id, search=query.search, start=query.start, count=query.count, sort=query.sort
    )
    actor = await current_actor(request)
    is_owner = actor is not None and actor.account_id == account_id
    stats = await queries.channel_stats(account_id) if query.with_stats and is_owner else {}
    data = [channel_in_list(row) | _numbers(stats.get(row["channel_id"])) for row in rows]
    return page(rows[0]["total"] if rows else 0, data)


def _numbers(stats: Columns | None) -> dict[str, object]:
    return {"totalViews": stats["views"], "videosCount": stats["videos"]} if stats else {}


@api.post("/video-channels", access=Access.USER, status=200)
async def create_channel(request: web.Request, body: NewChannel) -> CreatedChannelResponse:
    """Make a channel of one's own."""
    made = await service.create_channel(await require_actor(request), body)
    return CreatedChannelResponse(video_channel=CreatedChannel(id=made.id))


@api.put("/video-channels/{handle}", access=Access.USER)
async def update_channel(request: web.Request, handle: str, body: VideoChannelUpdate) -> None:
    """Change a channel; what is not sent stays."""
    managed = await service.manageable(await require_actor(request), handle)
    await service.update_channel(managed, body)


@api.delete("/video-channels/{handle}", access=Access.USER)
async def delete_channel(request: web.Request, handle: str) -> None:
    """Remove a channel with its videos; an account keeps its last one."""
    await service.delete_channel(await service.manageable(await require_actor(request), handle))


@api.post(
    "/video-channels/{handle}/avatar/pick", access=Access.USER, status=200, max_body=MAX_REQUEST
)
async def set_channel_avatar(request: web.Request, handle: str, form: AvatarFile) -> Avatars:
    """Give a channel an avatar."""
    return Avatars.model_validate(
        {"avatars": await _set_picture(request, handle, AVATAR, form.avatarfile)}
    )


@api.post(
    "/video-channels/{handle}/banner/pick", access=Access.USER, status=200, max_body=MAX_REQUEST
)
async def set_channel_banner(request: web.Request, handle: str, form: BannerFile) -> Banners:
    """Give a channel a banner."""
    return Banners.model_validate(
        {"banners": await _set_picture(request, handle, BANNER, form.bannerfile)}
    )


async def _set_picture(
    request: web.Request, handle: str, kind: Kind, file: UploadedFile
) -> list[dict[str, object]]:
    managed = await service.manageable(await require_actor(request), handle)
    sizes = await service.set_picture(managed.id, kind, file.path)
    return images(sizes, kind.folder, now())


@api.delete("/video-channels/{handle}/avatar", access=Access.USER)
async def delete_channel_avatar(request: web.Request, handle: str) -> None:
    """Take a channel's avatar away."""
    managed = await service.manageable(await require_actor(request), handle)
    await service.remove_picture(managed.id, AVATAR)


@api.delete("/video-channels/{handle}/banner", access=Access.USER)
async def delete_channel_banner(request: web.Request, handle: str) -> None:
    """Take a channel's banner away."""
    managed = await service.manageable(await require_actor(request), handle)
    await service.remove_picture(managed.id, BANNER)
