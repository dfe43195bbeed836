"""Channels as PeerTube's JSON, built from the columns of a row, and what comes in."""

from typing import Annotated

from pydantic import StringConstraints

from app.accounts.names import ChannelName, Description, DisplayName
from app.accounts.schemas import (
    ACCOUNT_COLUMNS,
    Account,
    AccountSummary,
    ActorImage,
    Columns,
    account,
    account_summary,
    images,
    site_host,
    site_url,
    timestamp,
)
from app.core.api import ListQuery, Schema, Timestamp, UploadedFile

#: What `channel_summary` needs, for a statement that joins `channel`.
CHANNEL_SUMMARY_COLUMNS = """
    channel.id AS channel_id, channel.name AS channel_name, channel.host AS channel_host,
    channel.display_name AS channel_display_name, channel.avatars AS channel_avatars"""

#: What `channel` needs; the statement joins `account` too.
CHANNEL_COLUMNS = f"""{CHANNEL_SUMMARY_COLUMNS},
    channel.description AS channel_description, channel.support AS channel_support,
    channel.banners AS channel_banners, channel.followers_count AS channel_followers_count,
    channel.following_count AS channel_following_count,
    channel.created_at AS channel_created_at, channel.updated_at AS channel_updated_at,
    {ACCOUNT_COLUMNS}"""

_NEVER = "1970-01-01T00:00:00.000Z"


class VideoChannelSummary(AccountSummary):
    """A channel as it stands beside a video."""


class VideoChannel(VideoChannelSummary):
    """A channel on its own."""

    description: str | None
    support: str | None
    is_local: bool
    followers_count: int
    following_count: int
    host_redundancy_allowed: bool
    banners: list[ActorImage]
    owner_account: Account | AccountSummary
    created_at: Timestamp
    updated_at: Timestamp


#: how to support the people behind a channel; lengths are PeerTube's
Support = Annotated[str, StringConstraints(min_length=3, max_length=1000)]


class VideoChannelUpdate(Schema):
    """A change of a channel; what is not sent stays."""

    display_name: DisplayName | None = None
    description: Description | None = None
    support: Support | None = None
    #: give this support text to all videos of the channel too
    bulk_videos_support_update: bool = False


class NewChannel(Schema):
    """A channel to make."""

    name: ChannelName
    display_name: DisplayName
    description: Description | None = None
    support: Support | None = None


class CreatedChannel(Schema):
    """The id of a channel that was just made."""

    id: int


class CreatedChannelResponse(Schema):
    """PeerTube's envelope around it."""

    video_channel: CreatedChannel


class AccountChannelsQuery(ListQuery):
    """Which channels of an account, and whether with numbers (for the owner)."""

    search: Annotated[str, StringConstraints(max_length=100)] | None = None
    with_stats: bool = False


class BannerFile(Schema):
    """A picture to become a banner."""

    bannerfile: UploadedFile


class Banners(Schema):
    """The sizes of a banner that was just set."""

    banners: list[ActorImage]


def channel_url(name: str, host: str | None = None) -> str:
    """The address by which other sites know a channel."""
    return (
        f"https://{host}/video-channels/{name}" if host else f"{site_url()}/video-channels/{name}"
    )


def channel_summary(row: Columns, prefix: str = "channel_") -> dict[str, object]:
    """A `VideoChannelSummary` from `CHANNEL_SUMMARY_COLUMNS`."""
    name, host = row[f"{prefix}name"], row[f"{prefix}host"]
    return {
        "id": row[f"{prefix}id"],
        "name": name,
        "displayName": row[f"{prefix}display_name"],
        "url": channel_url(name, host),
        "host": host or site_host(),
        "avatars": images(row[f"{prefix}avatars"], "avatars", _NEVER),
    }


def channel_without_owner(row: Columns, prefix: str = "channel_") -> dict[str, object]:
    """A `VideoChannel` but for its owner, where the owner is known from elsewhere."""
    return channel_summary(row, prefix) | {
        "description": row[f"{prefix}description"],
        "support": row[f"{prefix}support"],
        "isLocal": row[f"{prefix}host"] is None,
        "followersCount": row[f"{prefix}followers_count"],
        "followingCount": row[f"{prefix}following_count"],
        "hostRedundancyAllowed": False,
        "banners": images(row[f"{prefix}banners"], "banners", _NEVER),
        "createdAt": timestamp(row[f"{prefix}created_at"]),
        "updatedAt": timestamp(row[f"{prefix}updated_at"]),
    }


def channel(row: Columns) -> dict[str, object]:
    """A `VideoChannel` with its owner, from `CHANNEL_COLUMNS`."""
    return channel_without_owner(row) | {"ownerAccount": account(row)}


def channel_in_list(row: Columns) -> dict[str, object]:
    """A `VideoChannel` with its owner in short, from `CHANNEL_COLUMNS`."""
    return channel_without_owner(row) | {"ownerAccount": account_summary(row)}
