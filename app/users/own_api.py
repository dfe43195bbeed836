"""REST: what users see and change about themselves, and the ways back in by mail."""

from typing import Any

from aiohttp import web

from app.accounts.pictures import MAX_REQUEST
from app.accounts.schemas import AvatarFile, Avatars, images, now
from app.accounts.service import remove_avatar, set_avatar
from app.channels.queries import channels_of
from app.core.api import Access, Api
from app.core.auth import require_actor
from app.core.errors import NotFoundError
from app.users import own, queries
from app.users.schemas import (
    FeatureRead,
    MailAddress,
    NewPassword,
    QuotaUsed,
    UpdateMe,
    User,
    Verification,
    user,
)

api = Api(tag="My User")


@api.get("/users/me", access=Access.USER, returns=User)
async def get_me(request: web.Request) -> dict[str, Any]:
    """Oneself, with one's channels."""
    actor = await require_actor(request)
    row = await queries.get_user(actor.user_id)
    if row is None:
        raise NotFoundError("There is no such user.")
    return user(row, await channels_of(actor.account_id))


@api.put("/users/me", access=Access.USER)
async def update_me(request: web.Request, body: UpdateMe) -> None:
    """Change oneself; what is not sent stays."""
    await own.update_me(await require_actor(request), body)


@api.delete("/users/me", access=Access.USER)
async def delete_me(request: web.Request) -> None:
    """Remove oneself with everything."""
    await own.delete_me(await require_actor(request))


@api.get("/users/me/video-quota-used", access=Access.USER)
async def get_quota_used(request: web.Request) -> QuotaUsed:
    """Bytes one has stored, and has sent in the last 24 hours."""
    used, today = await queries.quota_used((await require_actor(request)).user_id)
    return QuotaUsed(video_quota_used=used, video_quota_used_daily=today)


@api.post("/users/me/avatar/pick", access=Access.USER, status=200, max_body=MAX_REQUEST)
async def set_my_avatar(request: web.Request, form: AvatarFile) -> Avatars:
    """Give oneself an avatar."""
    actor = await require_actor(request)
    sizes = await set_avatar(actor.account_id, form.avatarfile.path)
    return Avatars.model_validate({"avatars": images(sizes, "avatars", now())})


@api.delete("/users/me/avatar", access=Access.USER)
async def delete_my_avatar(request: web.Request) -> None:
    """Take one's avatar away."""
    await remove_avatar((await require_actor(request)).account_id)


@api.post("/users/me/new-feature-info/read", access=Access.USER)
async def mark_feature_read(request: web.Request, body: FeatureRead) -> None:
    """Remember that one has seen a piece of news."""
    await own.mark_read(await require_actor(request), body.feature)


@api.post("/users/ask-send-verify-email", rate="mail")
async def ask_verification(request: web.Request, body: MailAddress) -> None:
    """Mail the link again that verifies an address."""
    await own.ask_verification(body.email)


@api.post("/users/{user_id}/verify-email")
async def verify_email(request: web.Request, user_id: int, body: Verification) -> None:
    """Verify an address with the secret that was mailed there."""
    await own.verify_email(user_id, body.verification_string)


@api.post("/users/ask-reset-password", rate="mail")
async def ask_reset(request: web.Request, body: MailAddress) -> None:
    """Mail a link to choose a new password."""
    await own.ask_reset(body.email)


@api.post("/users/{user_id}/reset-password", rate="login")
async def reset_password(request: web.Request, user_id: int, body: NewPassword) -> None:
    """Choose a new password with the secret that was mailed."""
    await own.reset_password(user_id, body.verification_string, body.password)
