"""People: the user who logs in, the account others see, sessions, sign-up requests, tokens."""

from enum import IntEnum, StrEnum
from typing import Any

from tortoise import fields
from tortoise.models import Model

from app.core.auth import Role


class RegistrationState(IntEnum):
    """PeerTube's numbers."""

    PENDING = 1
    REJECTED = 2
    ACCEPTED = 3


REGISTRATION_TRANSITIONS: dict[RegistrationState, frozenset[RegistrationState]] = {
    RegistrationState.PENDING: frozenset({RegistrationState.ACCEPTED, RegistrationState.REJECTED}),
    RegistrationState.ACCEPTED: frozenset(),
    RegistrationState.REJECTED: frozenset(),
}


class SessionKind(StrEnum):
    """How the token travels: in a page's cookie or in a client's Authorization header."""

    COOKIE = "cookie"
    BEARER = "bearer"


class TokenPurpose(StrEnum):
    """What a token that was mailed (or shown once) is good for."""

    VERIFY_EMAIL = "verify-email"
    RESET_PASSWORD = "reset-password"  # noqa: S105 - a purpose, no password
    TWO_FACTOR_REQUEST = "two-factor-request"
    #: the password was right, the one-time password is still to come
    TWO_FACTOR_LOGIN = "two-factor-login"


class User(Model):
    """Somebody who can log in here. Sizes are bytes, -1 means without limit."""

    id = fields.BigIntField(primary_key=True)
    username = fields.CharField(max_length=50)  # unique in lower case
    email = fields.CharField(max_length=400)  # unique in lower case
    pending_email: str | None = fields.CharField(max_length=400, null=True)  # type: ignore[assignment]
    #: None where the site does not ask for verification
    email_verified: bool | None = fields.BooleanField(null=True)  # type: ignore[assignment]
    password_hash = fields.CharField(max_length=200)
    role = fields.IntEnumField(Role, default=Role.USER)
    blocked = fields.BooleanField(default=False)
    blocked_reason: str | None = fields.CharField(max_length=250, null=True)  # type: ignore[assignment]
    #: PeerTube's bits: 1 is "its videos pass the review of new videos"
    admin_flags = fields.SmallIntField(default=0)
    video_quota = fields.BigIntField(default=-1)
    video_quota_daily = fields.BigIntField(default=-1)
    otp_secret: str | None = fields.CharField(max_length=64, null=True)  # type: ignore[assignment]
    #: the time step of the last accepted one-time password, so that none is good twice
    otp_step: int | None = fields.BigIntField(null=True)
    #: display choices under PeerTube's names (nsfwPolicy, autoPlayVideo, videoLanguages, theme …)
    preferences: dict[str, Any] = fields.JSONField(default=dict)
    last_login_at = fields.DatetimeField(null=True)
    created_at = fields.DatetimeField(auto_now_add=True)
    updated_at = fields.DatetimeField(auto_now=True)

    account: fields.BackwardOneToOneRelation["Account"]

    class Meta:
        table = "user"


class Account(Model):
    """The public face of a user. A remote account has a host and no user."""

    id = fields.BigIntField(primary_key=True)
    user: fields.OneToOneNullableRelation[User] = fields.OneToOneField(
        "models.User", related_name="account", null=True, on_delete=fields.CASCADE
    )
    user_id: int | None
    #: the handle, shared with channels in one name space per host
    name = fields.CharField(max_length=50)
    host: str | None = fields.CharField(max_length=253, null=True)  # type: ignore[assignment]
    display_name = fields.CharField(max_length=120)
    description: str | None = fields.TextField(null=True)
    #: [{"width": 120, "height": 120, "filename": "…"}, …], smallest first
    avatars: list[dict[str, Any]] = fields.JSONField(default=list)
    followers_count = fields.IntField(default=0)
    following_count = fields.IntField(default=0)
    created_at = fields.DatetimeField(auto_now_add=True)
    updated_at = fields.DatetimeField(auto_now=True)

    class Meta:
        table = "account"


class Session(Model):
    """A login. Only the SHA-256 of each token is kept."""

    id = fields.BigIntField(primary_key=True)
    user: fields.ForeignKeyRelation[User] = fields.ForeignKeyField(
        "models.User", related_name="sessions", on_delete=fields.CASCADE, db_index=True
    )
    user_id: int
    kind = fields.CharEnumField(SessionKind, max_length=6)
    access_hash = fields.BinaryField()  # unique
    access_expires_at = fields.DatetimeField()
    refresh_hash: bytes | None = fields.BinaryField(null=True)  # unique
    refresh_expires_at = fields.DatetimeField(null=True)
    login_device = fields.CharField(max_length=300)
    login_ip = fields.CharField(max_length=45)
    login_at = fields.DatetimeField(auto_now_add=True)
    last_device = fields.CharField(max_length=300)
    last_ip = fields.CharField(max_length=45)
    last_seen_at = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "session"


class OAuthClient(Model):
    """The one client id and secret that PeerTube's clients ask for before they log in."""

    id = fields.IntField(primary_key=True)
    client_id = fields.CharField(max_length=64, unique=True)
    client_secret = fields.CharField(max_length=64)

    class Meta:
        table = "oauth_client"


class Registration(Model):
    """A request to sign up, where the administrators approve each."""

    id = fields.BigIntField(primary_key=True)
    state = fields.IntEnumField(RegistrationState, default=RegistrationState.PENDING)
    username = fields.CharField(max_length=50)
    email = fields.CharField(max_length=400)
    email_verified: bool | None = fields.BooleanField(null=True)  # type: ignore[assignment]
    password_hash = fields.CharField(max_length=200)
    account_display_name: str | None = fields.CharField(max_length=120, null=True)  # type: ignore[assignment]
    channel_name: str | None = fields.CharField(max_length=50, null=True)  # type: ignore[assignment]
    channel_display_name: str | None = fields.CharField(max_length=120, null=True)  # type: ignore[assignment]
    reason = fields.TextField()
    moderation_response: str | None = fields.TextField(null=True)
    user: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "models.User",
        related_name="registrations",
        null=True,
        on_delete=fields.SET_NULL,
        db_index=True,
    )
    user_id: int | None
    created_at = fields.DatetimeField(auto_now_add=True)
    updated_at = fields.DatetimeField(auto_now=True)

    class Meta:
        table = "registration"


class OneTimeToken(Model):
    """A token that works once and not for long. Only its SHA-256 is kept."""

    id = fields.BigIntField(primary_key=True)
    purpose = fields.CharEnumField(TokenPurpose, max_length=20)
    token_hash = fields.BinaryField()  # unique
    user: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "models.User", related_name="tokens", null=True, on_delete=fields.CASCADE, db_index=True
    )
    user_id: int | None
    registration: fields.ForeignKeyNullableRelation[Registration] = fields.ForeignKeyField(
        "models.Registration",
        related_name="tokens",
        null=True,
        on_delete=fields.CASCADE,
        db_index=True,
    )
    registration_id: int | None
    #: e.g. the e-mail address to verify, the secret of the second factor
    payload: dict[str, Any] = fields.JSONField(default=dict)
    expires_at = fields.DatetimeField()
    created_at = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "one_time_token"
