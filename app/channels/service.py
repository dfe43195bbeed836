"""Changes channels."""

import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from app.accounts import pictures
from app.accounts.models import Account
from app.accounts.pictures import Kind
from app.accounts.queries import is_name_taken
from app.accounts.service import claim_name
from app.channels import queries
from app.channels.events import ChannelDeleted
from app.channels.models import Channel
from app.channels.schemas import NewChannel, VideoChannelUpdate
from app.config import settings
from app.core.auth import Actor
from app.core.db import execute, transaction
from app.core.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from app.core.events import publish

_NAME_LENGTH: Final = 50

# Gives a text to all videos of a channel.
_SUPPORT_FOR_VIDEOS = "UPDATE video SET support = $2, updated_at = now() WHERE channel_id = $1"


async def create_default_channel(
    account: Account, *, name: str | None = None, display_name: str | None = None
) -> Channel:
    """An account's first channel, in the caller's transaction; PeerTube's names are the default."""
    if name is None:
        name = await _default_name(account.name)
    await claim_name(name, field="channelName")
    return await Channel.create(
        account=account, name=name, display_name=display_name or f"Main {account.name} channel"
    )


async def _default_name(username: str) -> str:
    suffix = "_channel"
    name = username[: _NAME_LENGTH - len(suffix)] + suffix
    if not await is_name_taken(name):
        return name
    suffix = f"_{secrets.token_hex(3)}"
    return name[: _NAME_LENGTH - len(suffix)] + suffix


async def create_channel(actor: Actor, new: NewChannel) -> Channel:
    """A further channel of the asker.

    Raises ConflictError when the name is taken, InvalidError when the account has all it may have.
    """
    limit = settings().users.max_channels
    async with transaction():
        await Account.select_for_update().get(id=actor.account_id)  # so that two count one by one
        if await queries.count_of(actor.account_id) >= limit:
            raise InvalidError(f"You cannot have more than {limit} channels.")
        await claim_name(new.name, field="name")
        return await Channel.create(
            account_id=actor.account_id,
            name=new.name,
            display_name=new.display_name,
            description=new.description,
            support=new.support,
        )


async def manageable(actor: Actor, handle: str) -> Channel:
    """A channel of this site that the asker may change: its owner, or somebody who moderates.

    Raises NotFoundError or ForbiddenError.
    """
    row = await queries.channel_by_handle(handle)
    if row is None or row["channel_host"] is not None:
        raise NotFoundError("There is no such channel here.")
    if row["account_id"] != actor.account_id and not actor.is_moderator:
        raise ForbiddenError("This channel is somebody else's.")
    return await Channel.get(id=row["channel_id"])


async def update_channel(channel: Channel, change: VideoChannelUpdate) -> None:
    """Change what was sent; the rest stays."""
    sent: Mapping[str, Any] = change.model_dump(
        exclude_unset=True, exclude={"bulk_videos_support_update"}
    )
    if sent.get("display_name", "") is None:
        raise InvalidError("A channel needs a display name.", field="displayName")
    async with transaction():
        if sent:
            await channel.update_from_dict(dict(sent)).save(update_fields=[*sent, "updated_at"])
        if change.bulk_videos_support_update and "support" in sent:
            await execute(_SUPPORT_FOR_VIDEOS, channel.id, sent["support"])


async def delete_channel(channel: Channel) -> None:
    """Remove a channel, its videos and its pictures. Raises ConflictError for the last one."""
    async with transaction():
        await Account.select_for_update().get(id=channel.account_id)
        if await queries.count_of(channel.account_id) <= 1:
            raise ConflictError("The last channel of an account cannot be removed.")
        await remove_channel(channel)


async def remove_channel(channel: Channel) -> None:
    """Remove a channel in the caller's transaction, be it the last one (its account goes too)."""
    await publish(ChannelDeleted(channel_id=channel.id, account_id=channel.account_id))
    await pictures.remove_later(pictures.AVATAR, channel.avatars)
    await pictures.remove_later(pictures.BANNER, channel.banners)
    await channel.delete()


async def set_picture(channel_id: int, kind: Kind, picture: Path) -> list[dict[str, Any]]:
    """Give a channel an avatar or a banner; gives the stored sizes. Raises InvalidError."""
    async with pictures.stored(picture, kind) as sizes, transaction():
        channel = await Channel.select_for_update().get(id=channel_id)
        await pictures.remove_later(kind, getattr(channel, kind.folder))
        setattr(channel, kind.folder, sizes)
        await channel.save(update_fields=[kind.folder, "updated_at"])
    return sizes


async def remove_picture(channel_id: int, kind: Kind) -> None:
    """Take a channel's avatar or banner away."""
    async with transaction():
        channel = await Channel.select_for_update().get(id=channel_id)
        await pictures.remove_later(kind, getattr(channel, kind.folder))
        setattr(channel, kind.folder, [])
        await channel.save(update_fields=[kind.folder, "updated_at"])
