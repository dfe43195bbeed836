"""Lets people sign up: at once, or after somebody who moderates has said yes."""

from datetime import timedelta
from typing import Final

from app.accounts import tokens
from app.accounts.models import (
    REGISTRATION_TRANSITIONS,
    Registration,
    RegistrationState,
    TokenPurpose,
    User,
)
from app.accounts.passwords import UNUSABLE, hash_password
from app.accounts.queries import is_name_taken
from app.accounts.service import RESERVED_NAMES, claim_name
from app.config import SignupMode, settings
from app.core.db import transaction
from app.core.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from app.core.mail import can_send_mail, send_mail
from app.registration import queries
from app.registration.schemas import Register, RegistrationRequest, Review
from app.users import mails
from app.users.own import WRONG_LINK
from app.users.schemas import NewUser
from app.users.service import create_user, ensure_email_is_free, lock_users

VERIFY_LIFETIME: Final = timedelta(days=7)


async def check_open(mode: SignupMode) -> None:
    """Make sure that people may sign up in this way now.

    Raises ForbiddenError when they may not, InvalidError when no approval is asked for here.
    """
    signup = settings().signup
    if signup.mode is SignupMode.CLOSED:
        raise ForbiddenError("Nobody can sign up here at the moment.")
    if signup.mode is not mode:
        if mode is SignupMode.APPROVAL:
            raise InvalidError("Signing up needs no approval here.")
        raise ForbiddenError("Signing up needs an approval here.")
    if signup.verify_email and not can_send_mail():
        raise ForbiddenError("Nobody can sign up: the site cannot send mail to verify addresses.")
    await _check_limit()


async def _check_limit() -> None:
    limit = settings().signup.limit
    if limit >= 0 and await queries.count_users() >= limit:
        raise ForbiddenError("There is no room for more people here.")


async def check_free(new: Register) -> None:
    """Make sure that names and address are free. Raises ConflictError with the field."""
    channel = new.channel.name if new.channel else None
    for name, field in ((new.username, "username"), (channel, "channel.name")):
        if name and (name.lower() in RESERVED_NAMES or await is_name_taken(name)):
            raise ConflictError(f"The name “{name}” is taken here.", field=field)
    await ensure_email_is_free(new.email)


async def register(new: Register) -> User:
    """A new user, at once; with a mail to verify the address where the site wants that.

    Raises ForbiddenError, ConflictError.
    """
    await check_open(SignupMode.OPEN)
    password_hash = await hash_password(new.password)
    verify = settings().signup.verify_email
    async with transaction():
        await lock_users()
        await _check_limit()
        user = await create_user(
            _new_user(new), password_hash=password_hash, email_verified=False if verify else None
        )
        if verify:
            await mails.send_verification(user, email=user.email)
    return user


def _new_user(new: Register) -> NewUser:
    return NewUser(
        username=new.username,
        email=new.email,
        display_name=new.display_name,
        channel_name=new.channel.name if new.channel else None,
        channel_display_name=new.channel.display_name if new.channel else None,
    )


async def request(new: RegistrationRequest) -> Registration:
    """A request to sign up. Raises ForbiddenError, InvalidError, ConflictError."""
    await check_open(SignupMode.APPROVAL)
    password_hash = await hash_password(new.password)
    verify = settings().signup.verify_email
    channel = new.channel.name if new.channel else None
    async with transaction():
        await claim_name(new.username, field="username")
        await check_free(new)
        await lock_users()
        if await queries.is_pending(new.username, new.email, channel):
            raise ConflictError("A request with this name or e-mail address is under review.")
        asked = await Registration.create(
            username=new.username,
            email=new.email,
            email_verified=False if verify else None,
            password_hash=password_hash,
            account_display_name=new.display_name,
            channel_name=channel,
            channel_display_name=new.channel.display_name if new.channel else None,
            reason=new.registration_reason,
        )
        if verify:
            await _send_verification(asked)
    return asked


async def _send_verification(asked: Registration) -> None:
    secret = await tokens.issue(
        TokenPurpose.VERIFY_EMAIL,
        lifetime=VERIFY_LIFETIME,
        registration_id=asked.id,
        payload={"email": asked.email},
    )
    await send_mail(
        asked.email,
        "accounts/mail/verify_email",
        username=asked.username,
        link=mails.link(
            "/verify-account/email", registrationId=asked.id, verificationString=secret
        ),
        hours=VERIFY_LIFETIME // timedelta(hours=1),
    )


async def ask_verification(email: str) -> None:
    """Mail the link again where a request waits for it; whoever asks learns nothing."""
    mails.ensure_mail()
    found = await queries.unverified_by_email(email)
    if found is not None:
        async with transaction():
            await _send_verification(await Registration.get(id=found))


async def verify_email(registration_id: int, secret: str) -> None:
    """A request's address is the asker's. Raises NotFoundError, ForbiddenError."""
    async with transaction():
        asked = await _locked(registration_id)
        found = await tokens.redeem(TokenPurpose.VERIFY_EMAIL, secret)
        if found is None or found.registration_id != registration_id:
            raise ForbiddenError(WRONG_LINK)
        asked.email_verified = True
        await asked.save(update_fields=["email_verified", "updated_at"])
        if asked.user_id is not None:
            await User.filter(id=asked.user_id, email=asked.email).update(email_verified=True)


async def accept(registration_id: int, review: Review) -> User:
    """Say yes: the user is made and told. Raises NotFoundError, ConflictError."""
    async with transaction():
        asked = await _decide(registration_id, RegistrationState.ACCEPTED, review)
        user = await create_user(
            NewUser(
                username=asked.username,
                email=asked.email,
                display_name=asked.account_display_name,
                channel_name=asked.channel_name,
                channel_display_name=asked.channel_display_name,
            ),
            password_hash=asked.password_hash,
            email_verified=asked.email_verified,
        )
        asked.user_id, asked.password_hash = user.id, UNUSABLE
        await asked.save(update_fields=["user_id", "password_hash", "updated_at"])
        await _tell(asked, review, "accounts/mail/registration_accepted")
    return user


async def reject(registration_id: int, review: Review) -> None:
    """Say no, and tell. Raises NotFoundError, ConflictError."""
    async with transaction():
        asked = await _decide(registration_id, RegistrationState.REJECTED, review)
        await _tell(asked, review, "accounts/mail/registration_rejected")


async def delete(registration_id: int) -> None:
    """Forget a request; a user that it became stays. Raises NotFoundError."""
    if not await Registration.filter(id=registration_id).delete():
        raise NotFoundError("There is no such request.")


async def _decide(registration_id: int, state: RegistrationState, review: Review) -> Registration:
    asked = await _locked(registration_id)
    if state not in REGISTRATION_TRANSITIONS[asked.state]:
        raise ConflictError("This request was decided already.")
    asked.state = state
    asked.moderation_response = review.moderation_response
    await asked.save(update_fields=["state", "moderation_response", "updated_at"])
    return asked


async def _tell(asked: Registration, review: Review, template: str) -> None:
    if not review.prevent_email_delivery and can_send_mail():
        await send_mail(
            asked.email,
            template,
            username=asked.username,
            response=review.moderation_response,
            link=mails.link("/login"),
        )


async def _locked(registration_id: int) -> Registration:
    asked = await Registration.select_for_update().get_or_none(id=registration_id)
    if asked is None:
        raise NotFoundError("There is no such request.")
    return asked
