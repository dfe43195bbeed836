"""Mails that carry a token: to verify an address, to choose a password."""

from datetime import timedelta
from typing import Final
from urllib.parse import urlencode

from app.accounts import tokens
from app.accounts.models import TokenPurpose, User
from app.accounts.schemas import site_url
from app.core.errors import ConflictError
from app.core.mail import can_send_mail, send_mail

VERIFY_LIFETIME: Final = timedelta(days=1)
RESET_LIFETIME: Final = timedelta(hours=1)
#: an account made by an administrator waits longer for its first password
INVITATION_LIFETIME: Final = timedelta(days=7)


def ensure_mail() -> None:
    """Raises ConflictError where the site sends no mail."""
    if not can_send_mail():
        raise ConflictError("This site sends no mail. Please ask its administrators.")


def link(path: str, **query: object) -> str:
    """An address of this site for a mail; the names of the query are PeerTube's."""
    return f"{site_url()}{path}?{urlencode(query)}"


async def send_verification(user: User, *, email: str) -> None:
    """Ask the owner of an address, in the caller's transaction, whether it is theirs."""
    secret = await tokens.issue(
        TokenPurpose.VERIFY_EMAIL,
        lifetime=VERIFY_LIFETIME,
        user_id=user.id,
        payload={"email": email},
    )
    query = {"userId": user.id, "verificationString": secret}
    if email != user.email:
        query["isPendingEmail"] = "true"
    await send_mail(
        email,
        "accounts/mail/verify_email",
        username=user.username,
        link=link("/verify-account/email", **query),
        hours=VERIFY_LIFETIME // timedelta(hours=1),
    )


async def send_reset(user: User) -> None:
    """Let a user choose a new password, in the caller's transaction."""
    await _send_password_link(user, "accounts/mail/reset_password", RESET_LIFETIME)


async def send_invitation(user: User) -> None:
    """Let a user whom an administrator made choose the first password."""
    await _send_password_link(user, "accounts/mail/invitation", INVITATION_LIFETIME)


async def _send_password_link(user: User, template: str, lifetime: timedelta) -> None:
    secret = await tokens.issue(TokenPurpose.RESET_PASSWORD, lifetime=lifetime, user_id=user.id)
    await send_mail(
        user.email,
        template,
        username=user.username,
        link=link("/reset-password", userId=user.id, verificationString=secret),
        hours=lifetime // timedelta(hours=1),
    )
