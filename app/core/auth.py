"""Who is asking: the actor of a request, and what it may do.

Tokens and sessions are a feature's rows (`app.accounts`); it registers `identify` here at start-up,
so that core knows who somebody is without knowing how they are stored.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Literal

from aiohttp import web

from app.core.errors import ForbiddenError, UnauthenticatedError

COOKIE = "kinora_session"


class Role(IntEnum):
    """PeerTube's numbers."""

    ADMINISTRATOR = 0
    MODERATOR = 1
    USER = 2


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody who is logged in."""

    user_id: int
    account_id: int
    username: str
    display_name: str
    role: Role
    session_id: int
    kind: Literal["cookie", "bearer"]
    preferences: dict[str, Any] = field(default_factory=dict)
    avatars: list[dict[str, Any]] = field(default_factory=list)

    @property
    def is_moderator(self) -> bool:
        """Whether it may look after other people's videos."""
        return self.role <= Role.MODERATOR

    @property
    def is_administrator(self) -> bool:
        """Whether it may look after the site."""
        return self.role is Role.ADMINISTRATOR


#: From an access token and how it came to the actor; None when the token is no longer good.
Identify = Callable[[str, Literal["cookie", "bearer"]], Awaitable[Actor | None]]
IDENTIFY: web.AppKey[Identify] = web.AppKey("identify")
_ACTOR = web.RequestKey("actor", object)


def access_token(request: web.BaseRequest) -> tuple[str, Literal["cookie", "bearer"]] | None:
    """The token that came with a request: an Authorization header goes before a cookie."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token:
        return token.strip(), "bearer"
    cookie = request.cookies.get(COOKIE)
    return (cookie, "cookie") if cookie else None


async def current_actor(request: web.Request) -> Actor | None:
    """Who is asking, or None for an anonymous visitor. Asks the database once a request.

    A bearer token that is not good is an error (refresh it); a stale cookie is nobody.
    """
    if _ACTOR in request:
        known = request[_ACTOR]
        return known if isinstance(known, Actor) else None
    token = access_token(request)
    actor = await request.config_dict[IDENTIFY](*token) if token else None
    if actor is None and token is not None and token[1] == "bearer":
        raise UnauthenticatedError(
            "The access token is unknown or has expired.",
            code="invalid_token",
            headers={"WWW-Authenticate": 'Bearer error="invalid_token"'},
        )
    request[_ACTOR] = actor
    return actor


def known_actor(request: web.BaseRequest) -> Actor | None:
    """Who is asking, where `current_actor` has already found out; None where it has not."""
    known = request.get(_ACTOR)
    return known if isinstance(known, Actor) else None


async def require_actor(request: web.Request, *, role: Role = Role.USER) -> Actor:
    """Who is asking; an error when that is nobody, or somebody without the role."""
    actor = await current_actor(request)
    if actor is None:
        raise UnauthenticatedError("You must be logged in.", headers={"WWW-Authenticate": "Bearer"})
    if actor.role > role:
        raise ForbiddenError("Your role does not allow this.")
    return actor
