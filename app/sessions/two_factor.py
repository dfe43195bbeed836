"""The second factor: one-time passwords by time (RFC 6238), each good once."""

import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import pyotp

from app.accounts import tokens
from app.accounts.models import TokenPurpose, User
from app.config import settings
from app.core.db import execute, transaction
from app.core.errors import ForbiddenError, InvalidError

STEP: Final = 30  # seconds
#: clocks may be wrong by this many steps
DRIFT: Final = 1
REQUEST_LIFETIME: Final = timedelta(minutes=10)
LOGIN_LIFETIME: Final = timedelta(minutes=5)
LOGIN_GUESSES: Final = 5

# Remembers the step of the password just used; touches nothing when it or a later one was used.
_USE = """
UPDATE "user" SET otp_step = $2 WHERE id = $1 AND (otp_step IS NULL OR otp_step < $2)
"""


@dataclass(frozen=True, slots=True)
class Request:
    """A second factor that waits to be confirmed."""

    token: str
    secret: str
    uri: str


def _step_of(secret: str, code: str) -> int | None:
    """The time step whose password this is, None when it is none of the present."""
    digits = code.replace(" ", "")
    if len(digits) != 6 or not (digits.isascii() and digits.isdigit()):
        return None
    totp, now = pyotp.TOTP(secret, interval=STEP), int(time.time()) // STEP
    for step in range(now - DRIFT, now + DRIFT + 1):
        if pyotp.utils.strings_equal(totp.generate_otp(step), digits):
            return step
    return None


async def is_code_good(user_id: int, code: str) -> bool:
    """Whether this is a user's one-time password of now. It is used up by asking."""
    user = await User.get(id=user_id)
    step = _step_of(user.otp_secret, code) if user.otp_secret else None
    return step is not None and await execute(_USE, user_id, step) == 1


async def check_code(user_id: int, code: str) -> None:
    """Use up a one-time password. Raises InvalidError `invalid_two_factor`."""
    if not await is_code_good(user_id, code):
        raise InvalidError("The one-time password is wrong.", code="invalid_two_factor")


async def request(user_id: int) -> Request:
    """A new secret for an authenticator app; it counts once `confirm` has seen a password of it."""
    user = await User.get(id=user_id)
    if user.otp_secret:
        raise InvalidError("Two-factor authentication is on already.")
    secret = pyotp.random_base32()
    token = await tokens.issue(
        TokenPurpose.TWO_FACTOR_REQUEST,
        lifetime=REQUEST_LIFETIME,
        user_id=user_id,
        payload={"secret": secret},
    )
    return Request(token, secret, provisioning_uri(user.email, secret))


def provisioning_uri(email: str, secret: str) -> str:
    """The address that an authenticator app reads from the QR code."""
    site = settings().site.name
    uri: str = pyotp.TOTP(secret, interval=STEP).provisioning_uri(name=email, issuer_name=site)
    return uri


async def confirm(user_id: int, request_token: str, code: str) -> None:
    """Turn the second factor on. Raises ForbiddenError when the token or the password is wrong."""
    async with transaction():
        redeemed = await tokens.redeem(TokenPurpose.TWO_FACTOR_REQUEST, request_token)
        if redeemed is None or redeemed.user_id != user_id:
            raise ForbiddenError("The request is unknown or too old; begin again.")
        secret = redeemed.payload["secret"]
        step = _step_of(secret, code)
        if step is None:
            raise ForbiddenError("The one-time password is wrong.", code="invalid_two_factor")
        await User.filter(id=user_id).update(otp_secret=secret, otp_step=step)


async def disable(user_id: int) -> None:
    """Turn the second factor off."""
    user = await User.get(id=user_id)
    if not user.otp_secret:
        raise InvalidError("Two-factor authentication is off already.")
    await User.filter(id=user_id).update(otp_secret=None, otp_step=None)


async def begin_login(user_id: int) -> str:
    """A token that stands for a right password until the one-time password comes."""
    return await tokens.issue(
        TokenPurpose.TWO_FACTOR_LOGIN, lifetime=LOGIN_LIFETIME, user_id=user_id
    )


async def who_waits(token: str) -> int:
    """The user whose right password a token stands for. Raises InvalidError `expired`."""
    found = await tokens.look_up(TokenPurpose.TWO_FACTOR_LOGIN, token)
    if found is None or found.user_id is None:
        raise InvalidError("That took too long, please log in again.", code="expired")
    return found.user_id


async def finish_login(token: str, code: str) -> int:
    """The user who has both; raises InvalidError. The token dies after a few wrong passwords."""
    user_id = await who_waits(token)
    if not await is_code_good(user_id, code):
        await tokens.spoil(TokenPurpose.TWO_FACTOR_LOGIN, token, guesses=LOGIN_GUESSES)
        raise InvalidError("The one-time password is wrong.", code="invalid_two_factor")
    if await tokens.redeem(TokenPurpose.TWO_FACTOR_LOGIN, token) is None:
        raise InvalidError("That took too long, please log in again.", code="expired")
    return user_id
