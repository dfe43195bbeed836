"""Reads sessions, and who somebody is by a token."""

from collections.abc import Sequence

from app.core.db import Row, fetch, fetchrow

# Who a token belongs to: one statement for every request that brings one.
_IDENTIFY = """
SELECT session.id AS session_id, session.last_seen_at,
    "user".id AS user_id, "user".role, "user".preferences,
    account.id AS account_id, account.name, account.display_name, account.avatars
FROM session JOIN "user" ON "user".id = session.user_id
    JOIN account ON account.user_id = "user".id
WHERE session.access_hash = $1 AND session.kind = $2 AND session.access_expires_at > now()
    AND NOT "user".blocked
"""

# The user that a login form means: by name, or by e-mail address.
_LOGIN = """
SELECT id, username, password_hash, blocked, email_verified, otp_secret IS NOT NULL AS has_otp
FROM "user" WHERE lower(username) = lower($1) OR lower(email) = lower($1)
ORDER BY lower(username) = lower($1) DESC LIMIT 1
"""

# The newest sign-up request of that name or address which became no user.
_REGISTRATION = """
SELECT state, password_hash FROM registration
WHERE (lower(username) = lower($1) OR lower(email) = lower($1)) AND user_id IS NULL
ORDER BY id DESC LIMIT 1
"""

# The living sessions of a user; a bearer session lives as long as it can be refreshed.
_SESSIONS = """
SELECT id, kind, login_device, login_ip, login_at, last_device, last_ip, last_seen_at
FROM session
WHERE user_id = $1 AND coalesce(refresh_expires_at, access_expires_at) > now()
ORDER BY last_seen_at DESC, id DESC
"""


async def identify(access_hash: bytes, kind: str) -> Row | None:
    """The row of the asker, None when the token is no longer good."""
    return await fetchrow(_IDENTIFY, access_hash, kind)


async def user_for_login(login: str) -> Row | None:
    """What a login needs to know of the user with this name or e-mail address."""
    return await fetchrow(_LOGIN, login)


async def registration_for_login(login: str) -> Row | None:
    """The sign-up request that somebody may try to log in with."""
    return await fetchrow(_REGISTRATION, login)


async def sessions_of(user_id: int) -> Sequence[Row]:
    """The living sessions of a user, last used first."""
    return await fetch(_SESSIONS, user_id)
