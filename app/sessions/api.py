"""REST: OAuth2 as PeerTube's clients speak it, the list of logins, the second factor."""

from typing import Final

from aiohttp import web

from app.accounts.models import User
from app.accounts.passwords import verify_password
from app.core import ratelimit
from app.core.api import Access, Api, Page, page
from app.core.auth import Actor, Role, require_actor
from app.core.errors import ForbiddenError, InvalidError, NotFoundError
from app.sessions import queries, service, two_factor
from app.sessions.devices import device_of
from app.sessions.schemas import (
    CurrentPassword,
    LocalClient,
    OtpRequest,
    Revoked,
    TokenForm,
    Tokens,
    TokenSession,
    TwoFactorConfirmation,
    TwoFactorRequest,
    token_session,
)

api = Api(tag="Session")

OTP_HEADER: Final = "x-peertube-otp"


@api.get("/oauth-clients/local")
async def get_local_client(request: web.Request) -> LocalClient:
    """The id and secret that a client needs to log in."""
    client_id, client_secret = await service.ensure_oauth_client()
    return LocalClient(client_id=client_id, client_secret=client_secret)


@api.post("/users/token", rate="login")
async def create_token(request: web.Request, form: TokenForm) -> Tokens:
    """Log in with a password, or refresh a login."""
    await service.check_client(form.client_id, form.client_secret)
    match form.grant_type:
        case "password":
            return _tokens(await _log_in(request, form))
        case "refresh_token":
            if not form.refresh_token:
                raise _missing("refresh_token")
            return _tokens(await service.refresh(form.refresh_token, device_of(request)))
        case None | "":
            raise _missing("grant_type")
        case _:
            raise InvalidError(
                "The grant is none of password, refresh_token.", code="unsupported_grant_type"
            )


def _missing(name: str) -> InvalidError:
    return InvalidError(f"The parameter {name} is missing.", code="invalid_request", field=name)


async def _log_in(request: web.Request, form: TokenForm) -> service.Bearer:
    if not form.username:
        raise _missing("username")
    if not form.password:
        raise _missing("password")
    user = await service.check_credentials(form.username, form.password)
    if user.has_otp:
        code = request.headers.get(OTP_HEADER)
        if not code:
            raise service.MissingOneTimePasswordError
        # six digits are soon guessed from many addresses: attempts count per user here
        await ratelimit.check(request, "login", subject=f"user {user.user_id}")
        await two_factor.check_code(user.user_id, code)
    return await service.open_bearer(user.user_id, device_of(request))


def _tokens(bearer: service.Bearer) -> Tokens:
    return Tokens(
        token_type="Bearer",  # noqa: S106 - OAuth2's word
        access_token=bearer.access_token,
        refresh_token=bearer.refresh_token,
        expires_in=bearer.expires_in,
        refresh_token_expires_in=bearer.refresh_token_expires_in,
    )


@api.post("/users/revoke-token", access=Access.USER)
async def revoke_token(request: web.Request) -> Revoked:
    """Log out: the session of this token ends."""
    actor = await require_actor(request)
    await service.revoke(actor.user_id, actor.session_id)
    return Revoked()


@api.get("/users/{user_id}/token-sessions", access=Access.USER, returns=Page[TokenSession])
async def list_token_sessions(request: web.Request, user_id: int) -> Page[dict[str, object]]:
    """The devices that a user is logged in on."""
    actor = await _allowed(request, user_id)
    rows = await queries.sessions_of(user_id)
    return page(len(rows), [token_session(row, current=actor.session_id) for row in rows])


@api.post("/users/{user_id}/token-sessions/{session_id}/revoke", access=Access.USER)
async def revoke_token_session(request: web.Request, user_id: int, session_id: int) -> None:
    """End one of a user's sessions."""
    await _allowed(request, user_id)
    if not await service.revoke(user_id, session_id):
        raise NotFoundError("There is no such session.")


async def _allowed(request: web.Request, user_id: int) -> Actor:
    """The asker, who must be that user or moderate it."""
    actor = await require_actor(request)
    if actor.user_id == user_id:
        return actor
    if not actor.is_moderator:
        raise ForbiddenError("That is another user's.")
    user = await User.get_or_none(id=user_id)
    if user is None:
        raise NotFoundError("There is no such user.")
    if not actor.is_administrator and user.role is not Role.USER:
        raise ForbiddenError("Moderators may look after plain users only.")
    return actor


async def _proved(request: web.Request, user_id: int, current_password: str | None) -> None:
    """Make sure that somebody who changes the own second factor has the password."""
    actor = await _allowed(request, user_id)
    if actor.user_id != user_id:
        return
    await ratelimit.check(request, "login", subject=f"user {user_id}")
    if not current_password:
        raise InvalidError("The current password is missing.", field="currentPassword")
    user = await User.get(id=user_id)
    if not await verify_password(user.password_hash, current_password):
        raise ForbiddenError("The password is wrong.", code="current_password_is_invalid")


@api.post("/users/{user_id}/two-factor/request", access=Access.USER, status=200)
async def request_two_factor(
    request: web.Request, user_id: int, body: CurrentPassword
) -> TwoFactorRequest:
    """Begin to turn the second factor on."""
    await _proved(request, user_id, body.current_password)
    made = await two_factor.request(user_id)
    return TwoFactorRequest(
        otp_request=OtpRequest(request_token=made.token, secret=made.secret, uri=made.uri)
    )


@api.post("/users/{user_id}/two-factor/confirm-request", access=Access.USER)
async def confirm_two_factor(
    request: web.Request, user_id: int, body: TwoFactorConfirmation
) -> None:
    """Turn the second factor on, with a first one-time password as proof that it works."""
    await _allowed(request, user_id)
    await two_factor.confirm(user_id, body.request_token, body.otp_token)


@api.post("/users/{user_id}/two-factor/disable", access=Access.USER)
async def disable_two_factor(request: web.Request, user_id: int, body: CurrentPassword) -> None:
    """Turn the second factor off."""
    await _proved(request, user_id, body.current_password)
    await two_factor.disable(user_id)
