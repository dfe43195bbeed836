"""Users as PeerTube's JSON, and what comes in to make and change them."""

import json
from collections.abc import Sequence
from enum import IntEnum, StrEnum
from typing import Annotated, Any, Final, Literal

from pydantic import Field, StringConstraints

from app.accounts.names import (
    ChannelName,
    Description,
    DisplayName,
    Email,
    Password,
    Quota,
    Username,
)
from app.accounts.schemas import Account, Columns, account, timestamp
from app.channels.schemas import VideoChannel, channel_without_owner
from app.core.api import ListQuery, Schema, Timestamp
from app.core.auth import Role

ROLE_LABELS: Final = {
    Role.ADMINISTRATOR: "Administrator",
    Role.MODERATOR: "Moderator",
    Role.USER: "User",
}


class NsfwPolicy(StrEnum):
    """What happens to sensitive videos in lists."""

    DISPLAY = "display"
    WARN = "warn"
    BLUR = "blur"
    DO_NOT_LIST = "do_not_list"


class Theme(StrEnum):
    """Colours of the pages; both of PeerTube's defaults follow the browser."""

    DEFAULT = "default"
    INSTANCE_DEFAULT = "instance-default"
    LIGHT = "light"
    DARK = "dark"


class NewFeature(IntEnum):
    """News that a client shows once (PeerTube's bits)."""

    CHANNEL_COLLABORATION = 1


NsfwFlags = Annotated[int, Field(ge=0, le=3)]
LanguageTag = Annotated[str, StringConstraints(min_length=1, max_length=20)]


class Preferences(Schema):
    """What a user chose about the pages, under PeerTube's names; kept as JSON in the user's row."""

    nsfw_policy: NsfwPolicy = NsfwPolicy.DO_NOT_LIST
    nsfw_flags_displayed: NsfwFlags = 0
    nsfw_flags_hidden: NsfwFlags = 0
    nsfw_flags_warned: NsfwFlags = 0
    nsfw_flags_blurred: NsfwFlags = 0
    auto_play_video: bool = True
    auto_play_next_video: bool = False
    auto_play_next_video_playlist: bool = True
    p2p_enabled: bool = False
    videos_history_enabled: bool = True
    video_languages: Annotated[list[LanguageTag], Field(max_length=500)] | None = None
    language: LanguageTag | None = None
    theme: Theme = Theme.INSTANCE_DEFAULT
    email_public: bool = False
    no_instance_config_warning_modal: bool = False
    no_account_setup_warning_modal: bool = False
    no_welcome_modal: bool = False
    new_features_info_read: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0


class RoleLabel(Schema):
    """A role and its English name."""

    id: Role
    label: str


class User(Preferences):
    """A user, as itself and those who moderate see it."""

    id: int
    username: str
    email: str
    pending_email: str | None
    email_verified: bool | None
    role: RoleLabel
    admin_flags: int
    blocked: bool
    blocked_reason: str | None
    video_quota: int
    video_quota_daily: int
    video_quota_used: int
    video_quota_used_daily: int
    two_factor_enabled: bool
    plugin_auth: None
    last_login_date: Timestamp | None
    created_at: Timestamp
    account: Account
    video_channels: list[VideoChannel]


class UserWithStats(User):
    """A user with numbers for those who moderate."""

    videos_count: int


class UpdateMe(Schema):
    """A change of oneself; what is not sent stays."""

    display_name: DisplayName | None = None
    description: Description | None = None
    #: needed to change the e-mail address or the password
    current_password: str | None = Field(None, max_length=255)
    password: Password | None = None
    email: Email | None = None
    nsfw_policy: NsfwPolicy | None = None
    nsfw_flags_displayed: NsfwFlags | None = None
    nsfw_flags_hidden: NsfwFlags | None = None
    nsfw_flags_warned: NsfwFlags | None = None
    nsfw_flags_blurred: NsfwFlags | None = None
    auto_play_video: bool | None = None
    auto_play_next_video: bool | None = None
    auto_play_next_video_playlist: bool | None = None
    p2p_enabled: bool | None = None
    videos_history_enabled: bool | None = None
    video_languages: Annotated[list[LanguageTag], Field(max_length=500)] | None = None
    language: LanguageTag | None = None
    theme: Theme | None = None
    email_public: bool | None = None
    no_instance_config_warning_modal: bool | None = None
    no_account_setup_warning_modal: bool | None = None
    no_welcome_modal: bool | None = None


class UpdateUser(Schema):
    """A change of somebody by those who moderate; what is not sent stays."""

    email: Email | None = None
    email_verified: bool | None = None
    password: Password | None = None
    role: Role | None = None
    admin_flags: Annotated[int, Field(ge=0, le=1)] | None = None
    video_quota: Quota | None = None
    video_quota_daily: Quota | None = None


class NewUser(Schema):
    """A user to make; without a password a mail asks the user to choose one."""

    username: Username
    email: Email
    password: Password | Literal[""] = ""
    role: Role = Role.USER
    admin_flags: Annotated[int, Field(ge=0, le=1)] = 0
    display_name: DisplayName | None = None
    channel_name: ChannelName | None = None
    channel_display_name: DisplayName | None = None
    video_quota: Quota | None = None
    video_quota_daily: Quota | None = None


class Identified(Schema):
    """A thing by its id."""

    id: int


class CreatedUser(Schema):
    """The ids of a user who was just made."""

    id: int
    account: Identified


class CreatedUserResponse(Schema):
    """PeerTube's envelope around them."""

    user: CreatedUser


class QuotaUsed(Schema):
    """Bytes that a user has stored, and has sent in the last 24 hours."""

    video_quota_used: int
    video_quota_used_daily: int


class UserListQuery(ListQuery):
    """Which users are listed."""

    search: Annotated[str, Field(max_length=100)] | None = None
    blocked: bool | None = None


class StatsQuery(Schema):
    """Whether a user comes with numbers."""

    with_stats: bool = False


class BlockReason(Schema):
    """Why somebody is blocked; the user is told."""

    reason: Annotated[str, StringConstraints(min_length=3, max_length=250)] | None = None


class FeatureRead(Schema):
    """News that a user has seen."""

    feature: NewFeature


class AutocompleteQuery(Schema):
    """The beginning of a name."""

    search: Annotated[str, StringConstraints(min_length=1, max_length=50)]


class MailAddress(Schema):
    """Where a mail is asked for."""

    email: Email


class Verification(Schema):
    """The secret that a mail carried."""

    verification_string: Annotated[str, StringConstraints(min_length=1, max_length=200)]


class NewPassword(Verification):
    """The secret, and the password that was chosen."""

    password: Password


def preferences_json(stored: str) -> dict[str, object]:
    """The `preferences` column with the defaults of what was never chosen."""
    chosen = Preferences.model_validate(json.loads(stored))
    return chosen.model_dump(mode="json", by_alias=True)


def user(row: Columns, channels: Sequence[Columns] = ()) -> dict[str, Any]:
    """A `User` from `USER_COLUMNS` and, where they are wanted, its channels' rows."""
    owner = account(row)
    role = Role(row["role"])
    return preferences_json(row["preferences"]) | {
        "id": row["user_id"],
        "username": row["username"],
        "email": row["email"],
        "pendingEmail": row["pending_email"],
        "emailVerified": row["email_verified"],
        "role": {"id": int(role), "label": ROLE_LABELS[role]},
        "adminFlags": row["admin_flags"],
        "blocked": row["blocked"],
        "blockedReason": row["blocked_reason"],
        "videoQuota": row["video_quota"],
        "videoQuotaDaily": row["video_quota_daily"],
        "videoQuotaUsed": row["quota_used"],
        "videoQuotaUsedDaily": row["quota_used_daily"],
        "twoFactorEnabled": row["two_factor_enabled"],
        "pluginAuth": None,
        "lastLoginDate": timestamp(row["last_login_at"]) if row["last_login_at"] else None,
        "createdAt": timestamp(row["user_created_at"]),
        "account": owner,
        "videoChannels": [channel_without_owner(row) | {"ownerAccount": owner} for row in channels],
    }
