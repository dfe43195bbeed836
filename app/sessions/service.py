"""Logs people in and out. A token is 256 random bits, kept as its SHA-256, and can be revoked."""

import json
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

from app.accounts.models import OAuthClient, RegistrationState, Session, SessionKind, User
from app.accounts.passwords import hash_password, is_outdated, verify_password
from app.accounts.tokens import digest, new_secret
from app.config import settings
from app.core.auth import Actor, Role
from app.core.db import execute, fetchrow, transaction
from app.core.errors import AppError, InvalidError
from app.sessions import queries

#: PeerTube's lifetimes
ACCESS: Final = timedelta(days=1)
REFRESH: Final = timedelta(days=14)
#: a page's session ends when it was not used for so long
COOKIE_IDLE: Final = timedelta(days=30)
#: a session's last use is written down no more often than this
SEEN_EVERY: Final = timedelta(minutes=5)

#: two sentences of the protocol: PeerTube's clients compare them
BLOCKED: Final = "User is blocked."
UNVERIFIED: Final = "User email is not verified."


@dataclass(frozen=True, slots=True)
class Device:
    """Where a login comes from: the browser's or client's name for itself, and its address."""

    agent: str
    address: str


@dataclass(frozen=True, slots=True)
class Bearer:
    """The tokens of a client's session, told this once."""

    access_token: str
    refresh_token: str
    expires_in: int
    refresh_token_expires_in: int


@dataclass(frozen=True, slots=True)
class Known:
    """A user whose password was right."""

    user_id: int
    username: str
    has_otp: bool


_SEEN = """
UPDATE session SET last_seen_at = now(),
    access_expires_at =
        CASE WHEN kind = 'cookie' THEN now() + $2::interval ELSE access_expires_at END
WHERE id = $1 AND last_seen_at < now() - $3::interval
"""

_REFRESH = """
UPDATE session SET access_hash = $2, access_expires_at = now() + $3::interval,
    refresh_hash = $4, refresh_expires_at = now() + $5::interval,
    last_device = $6, last_ip = $7, last_seen_at = now()
FROM "user"
WHERE session.refresh_hash = $1 AND session.refresh_expires_at > now()
    AND "user".id = session.user_id AND NOT "user".blocked
RETURNING session.id
"""


async def identify(token: str, kind: Literal["cookie", "bearer"]) -> Actor | None:
    """Who a token belongs to; None when it is unknown, expired, revoked or its user is blocked."""
    row = await queries.identify(digest(token), kind)
    if row is None:
        return None
    if datetime.now(UTC) - row["last_seen_at"] > SEEN_EVERY:
        await execute(_SEEN, row["session_id"], COOKIE_IDLE, SEEN_EVERY)
    return Actor(
        user_id=row["user_id"],
        account_id=row["account_id"],
        username=row["name"],
        display_name=row["display_name"],
        role=Role(row["role"]),
        session_id=row["session_id"],
        kind=kind,
        preferences=json.loads(row["preferences"]),
        avatars=json.loads(row["avatars"]),
    )


async def check_credentials(login: str, password: str) -> Known:
    """The user of a name (or e-mail address) and a password.

    Raises InvalidError with PeerTube's codes: `invalid_grant`, `access_denied` (blocked, or the
    address is not verified), `account_waiting_for_approval`, `account_approval_rejected`. Only who
    has the password learns more than `invalid_grant`, and the time does not tell who exists.
    """
    row = await queries.user_for_login(login)
    if row is None:
        await _check_registration(login, password)
        raise InvalidError("Invalid credentials.", code="invalid_grant")
    if not await verify_password(row["password_hash"], password):
        raise InvalidError("Invalid credentials.", code="invalid_grant")
    if row["blocked"]:
        raise InvalidError(BLOCKED, code="access_denied")
    if row["email_verified"] is False and settings().signup.verify_email:
        raise InvalidError(UNVERIFIED, code="access_denied")
    if is_outdated(row["password_hash"]):
        await User.filter(id=row["id"]).update(password_hash=await hash_password(password))
    return Known(row["id"], row["username"], row["has_otp"])


async def _check_registration(login: str, password: str) -> None:
    row = await queries.registration_for_login(login)
    if not await verify_password(row["password_hash"] if row else None, password) or row is None:
        return
    if row["state"] == RegistrationState.PENDING:
        raise InvalidError(
            "Your request to sign up awaits approval.", code="account_waiting_for_approval"
        )
    if row["state"] == RegistrationState.REJECTED:
        raise InvalidError(
            "Your request to sign up was rejected.", code="account_approval_rejected"
        )


async def open_bearer(user_id: int, device: Device) -> Bearer:
    """A client's session."""
    access, refresh_secret, now = new_secret(), new_secret(), datetime.now(UTC)
    await _open(
        user_id,
        device,
        Session(
            kind=SessionKind.BEARER,
            access_hash=digest(access),
            access_expires_at=now + ACCESS,
            refresh_hash=digest(refresh_secret),
            refresh_expires_at=now + REFRESH,
        ),
    )
    return _bearer(access, refresh_secret)


async def open_cookie(user_id: int, device: Device) -> str:
    """A page's session; gives the value of its cookie."""
    secret = new_secret()
    await _open(
        user_id,
        device,
        Session(
            kind=SessionKind.COOKIE,
            access_hash=digest(secret),
            access_expires_at=datetime.now(UTC) + COOKIE_IDLE,
        ),
    )
    return secret


async def _open(user_id: int, device: Device, session: Session) -> None:
    session.user_id = user_id
    session.login_device = session.last_device = device.agent[:300]
    session.login_ip = session.last_ip = device.address
    async with transaction():
        await session.save()
        await User.filter(id=user_id).update(last_login_at=datetime.now(UTC))


def _bearer(access: str, refresh_secret: str) -> Bearer:
    return Bearer(
        access_token=access,
        refresh_token=refresh_secret,
        expires_in=int(ACCESS.total_seconds()),
        refresh_token_expires_in=int(REFRESH.total_seconds()),
    )


async def refresh(refresh_token: str, device: Device) -> Bearer:
    """New tokens for the old ones, which are good no more. Raises InvalidError `invalid_grant`."""
    access, refresh_secret = new_secret(), new_secret()
    row = await fetchrow(
        _REFRESH,
        digest(refresh_token),
        digest(access),
        ACCESS,
        digest(refresh_secret),
        REFRESH,
        device.agent[:300],
        device.address,
    )
    if row is None:
        raise InvalidError("The refresh token is unknown or has expired.", code="invalid_grant")
    return _bearer(access, refresh_secret)


async def revoke(user_id: int, session_id: int) -> bool:
    """End one session of a user; False when there is none."""
    return bool(await Session.filter(id=session_id, user_id=user_id).delete())


async def revoke_all(user_id: int, *, but: int | None = None) -> None:
    """End all sessions of a user, but one."""
    sessions = Session.filter(user_id=user_id)
    await (sessions.exclude(id=but) if but is not None else sessions).delete()


async def ensure_oauth_client() -> tuple[str, str]:
    """The id and the secret that clients ask for before they log in, made at the first call."""
    client = await OAuthClient.first()
    if client is None:
        await execute(
            "INSERT INTO oauth_client (id, client_id, client_secret) VALUES (1, $1, $2)"
            " ON CONFLICT DO NOTHING",
            secrets.token_hex(16),
            secrets.token_hex(16),
        )
        client = await OAuthClient.get()
    return client.client_id, client.client_secret


async def check_client(client_id: str | None, client_secret: str | None) -> None:
    """Make sure that a client knows its id and secret. Raises InvalidError `invalid_client`."""
    if (client_id, client_secret) != await ensure_oauth_client():
        raise InvalidError("The client is unknown.", code="invalid_client")


class MissingOneTimePasswordError(AppError):
    """The password was right, the one-time password is missing."""

    status = 401

    def __init__(self) -> None:
        super().__init__(
            "A one-time password is needed too.",
            code="missing_two_factor",
            headers={"x-peertube-otp": "required; app"},
        )
