"""Makes, changes, blocks and removes users."""

import secrets
from typing import Final

from tortoise.exceptions import IntegrityError

from app.accounts import pictures
from app.accounts.models import Account, User
from app.accounts.passwords import UNUSABLE, hash_password
from app.accounts.schemas import site_host
from app.accounts.service import claim_name
from app.channels.models import Channel
from app.channels.service import create_default_channel, remove_channel
from app.config import settings
from app.core.auth import Actor, Role
from app.core.db import execute, transaction
from app.core.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from app.core.events import publish
from app.core.mail import can_send_mail
from app.sessions import service as sessions
from app.users import mails, queries
from app.users.events import UserDeleted
from app.users.schemas import NewUser, UpdateUser

#: the first administrator; nobody can remove, block or demote it
ROOT: Final = "root"
_USERS_LOCK: Final = "SELECT pg_advisory_xact_lock(hashtextextended('users', 0))"


async def create_user(new: NewUser, *, password_hash: str, email_verified: bool | None) -> User:
    """A user with its account and default channel, in one transaction.

    Raises ConflictError when the name, the address or the channel's name is taken.
    """
    defaults = settings().users
    async with transaction():
        await claim_name(new.username, field="username")
        await ensure_email_is_free(new.email)
        user = await _insert(
            User(
                username=new.username,
                email=new.email,
                email_verified=email_verified,
                password_hash=password_hash,
                role=new.role,
                admin_flags=new.admin_flags,
                video_quota=defaults.quota if new.video_quota is None else new.video_quota,
                video_quota_daily=defaults.quota_daily
                if new.video_quota_daily is None
                else new.video_quota_daily,
            )
        )
        account = await Account.create(
            user=user, name=new.username, display_name=new.display_name or new.username
        )
        await create_default_channel(
            account, name=new.channel_name, display_name=new.channel_display_name
        )
    return user


async def _insert(user: User) -> User:
    try:
        async with transaction():
            await user.save()
    except IntegrityError:
        raise ConflictError("A user with this name or e-mail address exists.") from None
    return user


async def ensure_email_is_free(email: str, *, but: int | None = None) -> None:
    """Raises ConflictError when somebody else has the address."""
    if await queries.is_email_taken(email, but=but):
        raise ConflictError("A user with this e-mail address exists.", field="email")


async def lock_users() -> None:
    """Let nobody else make a user before this transaction ends, so that a limit holds."""
    await execute(_USERS_LOCK)


async def add_user(actor: Actor, new: NewUser) -> User:
    """A user made by somebody who moderates; without a password a mail asks for one.

    Raises ForbiddenError when the asker may not make that role, ConflictError.
    """
    if not actor.is_administrator and new.role is not Role.USER:
        raise ForbiddenError("Only administrators make administrators and moderators.")
    if not new.password and not can_send_mail():
        raise InvalidError(
            "A password is needed: this site sends no mail to ask for one.", field="password"
        )
    password_hash = await hash_password(new.password) if new.password else UNUSABLE
    async with transaction():
        user = await create_user(new, password_hash=password_hash, email_verified=None)
        if not new.password:
            await mails.send_invitation(user)
    return user


async def moderated(actor: Actor, user_id: int) -> User:
    """A user that the asker may change. Raises NotFoundError, ForbiddenError.

    Administrators change everybody, moderators only plain users.
    """
    user = await User.get_or_none(id=user_id)
    if user is None:
        raise NotFoundError("There is no such user.")
    if not actor.is_administrator and user.role is not Role.USER:
        raise ForbiddenError("Moderators may change plain users only.")
    return user


async def update_user(actor: Actor, user_id: int, change: UpdateUser) -> None:
    """Change somebody; what is not sent stays. A new password or role ends the sessions.

    Raises NotFoundError, ForbiddenError, ConflictError, InvalidError.
    """
    user = await moderated(actor, user_id)
    sent = {
        name: value
        for name, value in change.model_dump(exclude_unset=True).items()
        if value is not None
    }
    if (role := sent.get("role")) is not None and role is not user.role:
        if not actor.is_administrator:
            raise ForbiddenError("Only administrators change roles.")
        if user.username == ROOT:
            raise InvalidError("The role of root cannot be changed.", field="role")
        if user.id == actor.user_id:
            raise InvalidError("You cannot change your own role.", field="role")
    password = sent.pop("password", None)
    if password is not None:
        sent["password_hash"] = await hash_password(password)
    async with transaction():
        if "email" in sent:
            await ensure_email_is_free(sent["email"], but=user.id)
            sent["pending_email"] = None
        if sent:
            await user.update_from_dict(sent).save(update_fields=[*sent, "updated_at"])
        if "password_hash" in sent or "role" in sent:
            mine = actor.session_id if actor.user_id == user.id else None
            await sessions.revoke_all(user.id, but=mine)


async def block_user(actor: Actor, user_id: int, reason: str | None) -> None:
    """Lock somebody out at once. Raises NotFoundError, ForbiddenError, InvalidError."""
    user = await moderated(actor, user_id)
    _spare(actor, user, "blocked")
    async with transaction():
        await User.filter(id=user.id).update(blocked=True, blocked_reason=reason)
        await sessions.revoke_all(user.id)


async def unblock_user(actor: Actor, user_id: int) -> None:
    """Let somebody in again. Raises NotFoundError, ForbiddenError."""
    user = await moderated(actor, user_id)
    await User.filter(id=user.id).update(blocked=False, blocked_reason=None)


async def delete_user(actor: Actor, user_id: int) -> None:
    """Remove somebody and all they made. Raises NotFoundError, ForbiddenError, InvalidError."""
    user = await moderated(actor, user_id)
    _spare(actor, user, "removed")
    await remove_user(user)


def _spare(actor: Actor, user: User, done: str) -> None:
    if user.username == ROOT:
        raise InvalidError(f"The user root cannot be {done}.")
    if user.id == actor.user_id:
        raise InvalidError(f"You cannot be {done} by yourself here.")


async def remove_user(user: User) -> None:
    """Remove a user, the account, its channels and what belongs to them."""
    async with transaction():
        account = await Account.select_for_update().get(user_id=user.id)
        for channel in await Channel.filter(account_id=account.id):
            await remove_channel(channel)
        await publish(UserDeleted(user_id=user.id, account_id=account.id))
        await pictures.remove_later(pictures.AVATAR, account.avatars)
        await user.delete()


async def ensure_root(password: str | None, email: str | None = None) -> str | None:
    """Make the first administrator, `root`, on a site without users.

    Takes the password, or makes one up; gives it, or None when there were users already. Without an
    address the mail goes to `root` at the site's host.
    """
    if await User.exists():
        return None
    chosen = password or secrets.token_urlsafe(12)
    password_hash = await hash_password(chosen)
    host = site_host().partition(":")[0]
    here = host if "." in host and not host[-1].isdigit() else "localhost.localdomain"
    async with transaction():
        await lock_users()
        if await User.exists():
            return None
        new = NewUser(
            username=ROOT,
            email=email or f"{ROOT}@{here}",
            role=Role.ADMINISTRATOR,
            video_quota=-1,
            video_quota_daily=-1,
        )
        await create_user(new, password_hash=password_hash, email_verified=True)
    return chosen


async def reset_password(username: str, password: str) -> None:
    """Set somebody's password from the command line; ends the sessions and lifts two-factor.

    Raises NotFoundError, InvalidError.
    """
    user = await User.get_or_none(username=username)
    if user is None:
        raise NotFoundError(f"There is no user {username}.")
    if not 6 <= len(password) <= 255:
        raise InvalidError("A password has 6 to 255 characters.", field="password")
    password_hash = await hash_password(password)
    async with transaction():
        await User.filter(id=user.id).update(
            password_hash=password_hash, otp_secret=None, otp_step=None
        )
        await sessions.revoke_all(user.id)
