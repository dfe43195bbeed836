"""Pages: the channels of a user: list, make, change, pictures, remove."""

from typing import Annotated

from aiohttp import web
from pydantic import StringConstraints

from app.accounts.names import ChannelName, Description, DisplayName
from app.accounts.pictures import AVATAR, BANNER, MAX_REQUEST, Kind
from app.accounts.schemas import AvatarFile
from app.channels import queries, service
from app.channels.models import Channel
from app.channels.schemas import BannerFile, NewChannel, Support, VideoChannelUpdate
from app.config import settings
from app.core.api import Access, Schema
from app.core.auth import require_actor
from app.core.errors import AppError, InvalidError
from app.core.forms import FormErrors, read_form, refused
from app.core.i18n import gettext
from app.core.pages import Pages, redirect, render

pages = Pages()

Handle = Annotated[str, StringConstraints(min_length=1, max_length=304)]


class ChannelForm(Schema):
    """What a channel says."""

    display_name: DisplayName
    description: Description | None = None
    support: Support | None = None


class NewChannelForm(ChannelForm):
    """The same, and its handle."""

    name: ChannelName


@pages.get("/my/channels", access=Access.USER)
async def show_channels(request: web.Request) -> web.Response:
    """All of them."""
    actor = await require_actor(request)
    channels = await queries.channels_of(actor.account_id)
    return render(
        request,
        "channels/list.html",
        channels=channels,
        stats=await queries.channel_stats(actor.account_id),
        can_add=len(channels) < settings().users.max_channels,
    )


@pages.get("/my/channels/new", access=Access.USER)
async def show_new_channel(request: web.Request) -> web.Response:
    """The form of a new one."""
    return _new(request, FormErrors())


def _new(request: web.Request, form: FormErrors, *, status: int = 200) -> web.Response:
    return render(request, "channels/new.html", status=status, form=form)


@pages.post("/my/channels/new", access=Access.USER)
async def take_new_channel(request: web.Request) -> web.Response:
    """A new channel."""
    form = await read_form(request, NewChannelForm)
    if isinstance(form, FormErrors):
        return _new(request, form, status=400)
    try:
        made = await service.create_channel(
            await require_actor(request), NewChannel(**form.model_dump())
        )
    except AppError as error:
        return _new(request, refused(error, form), status=error.status)
    return redirect(request, f"/my/channels/{made.name}", flash=gettext("Your channel is there."))


@pages.get("/my/channels/{handle}", access=Access.USER)
async def show_channel(request: web.Request, handle: Handle) -> web.Response:
    """The forms of one channel."""
    channel = await service.manageable(await require_actor(request), handle)
    return _edit(request, channel, _values(channel))


def _values(channel: Channel) -> FormErrors:
    return FormErrors(
        {
            "display_name": channel.display_name,
            "description": channel.description,
            "support": channel.support,
        }
    )


def _edit(
    request: web.Request,
    channel: Channel,
    form: FormErrors,
    *,
    picture: FormErrors | None = None,
    status: int = 200,
) -> web.Response:
    return render(
        request,
        "channels/edit.html",
        status=status,
        channel=channel,
        form=form,
        picture=picture or FormErrors(),
    )


@pages.post("/my/channels/{handle}", access=Access.USER)
async def take_channel(request: web.Request, handle: Handle) -> web.Response:
    """What the channel says now."""
    channel = await service.manageable(await require_actor(request), handle)
    form = await read_form(request, ChannelForm)
    if isinstance(form, FormErrors):
        return _edit(request, channel, form, status=400)
    await service.update_channel(channel, VideoChannelUpdate(**form.model_dump()))
    return redirect(request, f"/my/channels/{channel.name}", flash=gettext("Saved."))


@pages.post("/my/channels/{handle}/avatar", access=Access.USER)
async def take_avatar(request: web.Request, handle: Handle) -> web.Response:
    """A new avatar."""
    channel = await service.manageable(await require_actor(request), handle)
    form = await read_form(request, AvatarFile, limit=MAX_REQUEST)
    if isinstance(form, FormErrors):
        return _edit(request, channel, _values(channel), picture=form, status=400)
    return await _take_picture(request, channel, AVATAR, form)


@pages.post("/my/channels/{handle}/banner", access=Access.USER)
async def take_banner(request: web.Request, handle: Handle) -> web.Response:
    """A new banner."""
    channel = await service.manageable(await require_actor(request), handle)
    form = await read_form(request, BannerFile, limit=MAX_REQUEST)
    if isinstance(form, FormErrors):
        return _edit(request, channel, _values(channel), picture=form, status=400)
    return await _take_picture(request, channel, BANNER, form)


async def _take_picture(
    request: web.Request, channel: Channel, kind: Kind, form: AvatarFile | BannerFile
) -> web.Response:
    field, file = (
        ("avatarfile", form.avatarfile)
        if isinstance(form, AvatarFile)
        else ("bannerfile", form.bannerfile)
    )
    try:
        await service.set_picture(channel.id, kind, file.path)
    except InvalidError as error:
        errors = FormErrors({}, {field: gettext(error.detail)})
        return _edit(request, channel, _values(channel), picture=errors, status=400)
    return redirect(request, f"/my/channels/{channel.name}", flash=gettext("The picture is saved."))


@pages.post("/my/channels/{handle}/avatar/delete", access=Access.USER)
async def take_avatar_away(request: web.Request, handle: Handle) -> web.Response:
    """No avatar any more."""
    return await _take_picture_away(request, handle, AVATAR)


@pages.post("/my/channels/{handle}/banner/delete", access=Access.USER)
async def take_banner_away(request: web.Request, handle: Handle) -> web.Response:
    """No banner any more."""
    return await _take_picture_away(request, handle, BANNER)


async def _take_picture_away(request: web.Request, handle: str, kind: Kind) -> web.Response:
    channel = await service.manageable(await require_actor(request), handle)
    await service.remove_picture(channel.id, kind)
    return redirect(
        request, f"/my/channels/{channel.name}", flash=gettext("The picture is removed.")
    )


@pages.get("/my/channels/{handle}/delete", access=Access.USER)
async def show_deletion(request: web.Request, handle: Handle) -> web.Response:
    """What it means."""
    channel = await service.manageable(await require_actor(request), handle)
    return await _deletion(request, channel)


async def _deletion(
    request: web.Request, channel: Channel, *, message: str | None = None, status: int = 200
) -> web.Response:
    stats = await queries.channel_stats(channel.account_id)
    return render(
        request,
        "channels/delete.html",
        status=status,
        channel=channel,
        videos=stats[channel.id]["videos"],
        message=message,
    )


@pages.post("/my/channels/{handle}/delete", access=Access.USER)
async def take_deletion(request: web.Request, handle: Handle) -> web.Response:
    """The channel is gone."""
    channel = await service.manageable(await require_actor(request), handle)
    try:
        await service.delete_channel(channel)
    except AppError as error:
        return await _deletion(request, channel, message=gettext(error.detail), status=error.status)
    return redirect(request, "/my/channels", flash=gettext("The channel is removed."))
