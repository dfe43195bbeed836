"""Rows for tests, made directly and fast: `make_user`, `make_channel`, `make_video`, `login` …"""

import hashlib
import secrets
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import count
from typing import Any, Protocol

from argon2 import PasswordHasher

from app.accounts.models import Account, Session, SessionKind, User
from app.channels.models import Channel
from app.core.auth import COOKIE, Role
from app.videos.models import Privacy, Video, VideoPassword, VideoState

PASSWORD = "a password"
_numbers = count(1)


@cache
def cheap_hash(password: str) -> str:
    """A real argon2 hash with parameters that take microseconds."""
    return PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(password)


async def make_user(
    username: str | None = None,
    *,
    password: str = PASSWORD,
    role: Role = Role.USER,
    display_name: str | None = None,
    channel: str | None = "{username}_channel",
    **fields: Any,
) -> User:
    """A user with its account (`user.account`) and default channel; `channel=None` makes none."""
    username = username or f"user{next(_numbers)}"
    user = await User.create(
        username=username,
        email=fields.pop("email", f"{username}@example.org"),
        password_hash=cheap_hash(password),
        role=role,
        **fields,
    )
    account = await Account.create(
        user=user, name=username, display_name=display_name or username.capitalize()
    )
    await user.fetch_related("account")
    if channel is not None:
        await make_channel(account, name=channel.format(username=username))
    return user


async def account_of(user: User) -> Account:
    """The account of a user."""
    return await Account.get(user_id=user.id)


async def make_channel(
    owner: User | Account | None = None, *, name: str | None = None, **fields: Any
) -> Channel:
    """A channel of an account (a new user's where none is named)."""
    if owner is None:
        owner = await make_user(channel=None)
    account = await account_of(owner) if isinstance(owner, User) else owner
    name = name or f"channel{next(_numbers)}"
    fields.setdefault("display_name", f"Channel {name}")
    return await Channel.create(account=account, name=name, **fields)


async def channel_of(user: User) -> Channel:
    """The first channel of a user."""
    channels = await Channel.filter(account__user_id=user.id).order_by("id").limit(1)
    return channels[0]


async def make_video(
    channel: Channel | User | None = None,
    *,
    name: str | None = None,
    password: str | None = None,
    **fields: Any,
) -> Video:
    """A published public video of ten seconds, without files; of a new channel by default."""
    if channel is None:
        channel = await make_channel()
    if isinstance(channel, User):
        channel = await channel_of(channel)
    fields = {
        "name": name or f"Video {next(_numbers)}",
        "privacy": Privacy.PUBLIC if password is None else Privacy.PASSWORD_PROTECTED,
        "state": VideoState.PUBLISHED,
        "duration": 10.0,
    } | fields
    if fields["state"] is VideoState.PUBLISHED:
        fields.setdefault("published_at", datetime.now(UTC))
    video = await Video.create(channel=channel, **fields)
    if password is not None:
        await VideoPassword.create(video=video, password=password)
    return video


class SiteClient(Protocol):
    """What `login` needs of a client: nothing; it is named so that calls read well."""


async def login(
    client: SiteClient | None, user: User, *, kind: SessionKind = SessionKind.BEARER
) -> dict[str, str]:
    """The headers of a logged-in request: a bearer token, or the session cookie of a page."""
    del client
    token, now = secrets.token_hex(20), datetime.now(UTC)
    await Session.create(
        user=user,
        kind=kind,
        access_hash=hashlib.sha256(token.encode()).digest(),
        access_expires_at=now + timedelta(days=1),
        refresh_hash=secrets.token_bytes(32),
        refresh_expires_at=now + timedelta(days=14),
        login_device="tests",
        login_ip="127.0.0.1",
        last_device="tests",
        last_ip="127.0.0.1",
    )
    if kind is SessionKind.COOKIE:
        return {"Cookie": f"{COOKIE}={token}"}
    return {"Authorization": f"Bearer {token}"}
