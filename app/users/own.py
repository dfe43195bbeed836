"""What users change about themselves: profile, preferences, address, password, their own end."""

import json
from typing import Any, Final

from app.accounts import tokens
from app.accounts.models import Account, TokenPurpose, User
from app.accounts.passwords import hash_password, verify_password
from app.core.auth import Actor
from app.core.db import execute, transaction
from app.core.errors import ForbiddenError, InvalidError, NotFoundError, UnauthenticatedError
from app.core.mail import can_send_mail
from app.sessions import service as sessions
from app.users import mails, queries
from app.users.schemas import NewFeature, Preferences, UpdateMe
from app.users.service import ROOT, ensure_email_is_free, remove_user

WRONG_LINK: Final = "This link is wrong or too old."
#: preferences in which null says something: all languages, the browser's language
_NULLABLE: Final = frozenset({"video_languages", "language"})

# Writes chosen preferences over the earlier ones.
_PREFER = """
UPDATE "user" SET preferences = preferences || $2::jsonb, updated_at = now() WHERE id = $1
"""

# Adds bits to the news that a user has read.
_READ = """
UPDATE "user" SET preferences = preferences || jsonb_build_object(
    'newFeaturesInfoRead', coalesce((preferences->>'newFeaturesInfoRead')::int, 0) | $2::int)
WHERE id = $1
"""


async def update_me(actor: Actor, change: UpdateMe) -> None:
    """Change what was sent. A new address or password needs the current password.

    Raises InvalidError, UnauthenticatedError `current_password_is_invalid`, ConflictError.
    """
    sent = change.model_dump(exclude_unset=True)
    if change.password or change.email:
        await check_password(actor.user_id, change.current_password)
    chosen = _chosen(change, sent)
    password_hash = await hash_password(change.password) if change.password else None
    async with transaction():
        user = await User.select_for_update().get(id=actor.user_id)
        if password_hash is not None:
            user.password_hash = password_hash
            await user.save(update_fields=["password_hash", "updated_at"])
            await sessions.revoke_all(user.id, but=actor.session_id)
        if change.email and change.email != user.email:
            await _change_email(user, change.email)
        if chosen:
            await execute(_PREFER, user.id, json.dumps(chosen))
        if profile := {
            name: sent[name] for name in ("display_name", "description") if name in sent
        }:
            if profile.get("display_name", "") is None:
                raise InvalidError("An account needs a display name.", field="displayName")
            account = await Account.get(id=actor.account_id)
            await account.update_from_dict(profile).save(update_fields=[*profile, "updated_at"])


def _chosen(change: UpdateMe, sent: dict[str, Any]) -> dict[str, object]:
    """The preferences that were sent, as they are kept."""
    names = {
        name
        for name, value in sent.items()
        if name in Preferences.model_fields and (value is not None or name in _NULLABLE)
    }
    flags = [
        sent.get(f"nsfw_flags_{kind}") or 0 for kind in ("displayed", "hidden", "warned", "blurred")
    ]
    if any(one & other for place, one in enumerate(flags) for other in flags[place + 1 :]):
        raise InvalidError(
            "A kind of sensitive video is either displayed, hidden, warned of or blurred.",
            field="nsfwFlagsDisplayed",
        )
    return change.model_dump(mode="json", by_alias=True, include=names)


async def check_password(user_id: int, password: str | None) -> None:
    """Make sure that it is the user who asks. Raises InvalidError, UnauthenticatedError."""
    if not password:
        raise InvalidError("The current password is missing.", field="currentPassword")
    user = await User.get(id=user_id)
    if not await verify_password(user.password_hash, password):
        raise UnauthenticatedError(
            "The current password is wrong.",
            code="current_password_is_invalid",
            field="currentPassword",
        )


async def _change_email(user: User, email: str) -> None:
    """At once where the site sends no mail; else when the new address is verified."""
    await ensure_email_is_free(email, but=user.id)
    if can_send_mail():
        user.pending_email = email
        await user.save(update_fields=["pending_email", "updated_at"])
        await mails.send_verification(user, email=email)
    else:
        user.email, user.pending_email = email, None
        await user.save(update_fields=["email", "pending_email", "updated_at"])


async def ask_verification(email: str) -> None:
    """Mail the link again where the address waits for it; whoever asks learns nothing."""
    mails.ensure_mail()
    row = await queries.user_by_email(email)
    if row is None or (row["email_verified"] is not False and row["pending_email"] is None):
        return
    user = await User.get(id=row["id"])
    async with transaction():
        await mails.send_verification(user, email=user.pending_email or user.email)


async def verify_email(user_id: int, secret: str) -> None:
    """An address is its user's. Raises ForbiddenError when the link is wrong or too old."""
    async with transaction():
        found = await tokens.redeem(TokenPurpose.VERIFY_EMAIL, secret)
        user = await User.select_for_update().get_or_none(id=user_id)
        if found is None or user is None or found.user_id != user.id:
            raise ForbiddenError(WRONG_LINK)
        email = found.payload["email"]
        if email == user.pending_email:
            await ensure_email_is_free(email, but=user.id)
            user.email, user.pending_email = email, None
        elif email != user.email:
            raise ForbiddenError("This link is for another address.")
        user.email_verified = True
        await user.save(update_fields=["email", "pending_email", "email_verified", "updated_at"])


async def ask_reset(email: str) -> None:
    """Mail a link to choose a new password; whoever asks learns nothing."""
    mails.ensure_mail()
    row = await queries.user_by_email(email)
    if row is not None and not row["blocked"]:
        async with transaction():
            await mails.send_reset(await User.get(id=row["id"]))


async def reset_password(user_id: int, secret: str, password: str) -> None:
    """A new password for the one who got the mail; every session ends.

    Raises NotFoundError, ForbiddenError when the link is wrong or too old.
    """
    if not await User.exists(id=user_id):
        raise NotFoundError("There is no such user.")
    if await tokens.look_up(TokenPurpose.RESET_PASSWORD, secret) is None:
        raise ForbiddenError(WRONG_LINK)  # before a third of a second goes into a hash
    password_hash = await hash_password(password)
    async with transaction():
        found = await tokens.redeem(TokenPurpose.RESET_PASSWORD, secret)
        if found is None or found.user_id != user_id:
            raise ForbiddenError(WRONG_LINK)
        user = await User.select_for_update().get(id=user_id)
        user.password_hash = password_hash
        if user.email_verified is False:
            user.email_verified = True  # the mail arrived
        await user.save(update_fields=["password_hash", "email_verified", "updated_at"])
        await sessions.revoke_all(user_id)


async def mark_read(actor: Actor, feature: NewFeature) -> None:
    """Remember that a user has seen a piece of news."""
    await execute(_READ, actor.user_id, int(feature))


async def delete_me(actor: Actor) -> None:
    """Remove oneself with everything. Raises InvalidError for root."""
    if actor.username == ROOT:
        raise InvalidError("The user root cannot be removed.")
    await remove_user(await User.get(id=actor.user_id))
