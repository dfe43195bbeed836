"""Secrets that are shown once and kept as their SHA-256, and the tokens that work once.

A fast hash is enough here: nobody guesses 256 random bits from their hash.
"""

import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from app.accounts.models import OneTimeToken, TokenPurpose
from app.core.db import Row, execute, fetchrow, transaction


@dataclass(frozen=True, slots=True)
class Redeemed:
    """What a one-time token stood for."""

    user_id: int | None
    registration_id: int | None
    payload: Mapping[str, Any]


def new_secret() -> str:
    """A secret of 256 random bits, safe in URLs."""
    return secrets.token_urlsafe(32)


def digest(secret: str) -> bytes:
    """What is kept of a secret."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


async def issue(
    purpose: TokenPurpose,
    *,
    lifetime: timedelta,
    user_id: int | None = None,
    registration_id: int | None = None,
    payload: Mapping[str, Any] | None = None,
) -> str:
    """A new token; the owner's earlier ones of this purpose are void: only the last mail works."""
    secret = new_secret()
    async with transaction():
        await OneTimeToken.filter(
            purpose=purpose, user_id=user_id, registration_id=registration_id
        ).delete()
        await OneTimeToken.create(
            purpose=purpose,
            token_hash=digest(secret),
            user_id=user_id,
            registration_id=registration_id,
            payload=dict(payload or {}),
            expires_at=datetime.now(UTC) + lifetime,
        )
    return secret


# The token, gone: whoever comes second finds none.
_REDEEM = """
DELETE FROM one_time_token WHERE purpose = $1 AND token_hash = $2 AND expires_at > now()
RETURNING user_id, registration_id, payload
"""

# What a token stands for, without using it up.
_LOOK = """
SELECT user_id, registration_id, payload FROM one_time_token
WHERE purpose = $1 AND token_hash = $2 AND expires_at > now()
"""

# One more wrong guess at what has to come with the token; the last one makes it void.
_SPOIL = """
UPDATE one_time_token SET
    payload = payload || jsonb_build_object('guesses', coalesce((payload->>'guesses')::int, 0) + 1),
    expires_at = CASE WHEN coalesce((payload->>'guesses')::int, 0) + 1 >= $3
        THEN now() ELSE expires_at END
WHERE purpose = $1 AND token_hash = $2
"""


def _redeemed(row: Row | None) -> Redeemed | None:
    if row is None:
        return None
    return Redeemed(row["user_id"], row["registration_id"], json.loads(row["payload"]))


async def redeem(purpose: TokenPurpose, secret: str) -> Redeemed | None:
    """Use a token up; None when it is unknown, used or too old."""
    return _redeemed(await fetchrow(_REDEEM, purpose.value, digest(secret)))


async def look_up(purpose: TokenPurpose, secret: str) -> Redeemed | None:
    """What a token stands for, None when it is unknown, used or too old. It stays good."""
    return _redeemed(await fetchrow(_LOOK, purpose.value, digest(secret)))


async def spoil(purpose: TokenPurpose, secret: str, *, guesses: int) -> None:
    """Count a wrong guess against a token; after so many guesses it is void."""
    await execute(_SPOIL, purpose.value, digest(secret), guesses)
