"""Administrators by the command line: for the first one, and for a password that was forgotten."""

import asyncio
import getpass
import os
import sys
from collections.abc import Callable, Coroutine
from typing import TypeVar

from pydantic import ValidationError

from app.accounts.passwords import hash_password
from app.config import settings
from app.core.auth import Role
from app.core.db import database
from app.core.errors import AppError
from app.users import service
from app.users.schemas import NewUser

VARIABLE = "KINORA_ADMIN_PASSWORD"
Result = TypeVar("Result")


def create(username: str, email: str) -> int:
    """Make an administrator; gives the exit status."""
    password = _ask()
    try:
        new = NewUser(username=username, email=email, password=password, role=Role.ADMINISTRATOR)
    except ValidationError as error:
        return _complain(_told(error))
    return _run(_create(new, password), lambda _: f"{username} is an administrator now.")


async def _create(new: NewUser, password: str) -> None:
    password_hash = await hash_password(password)
    await service.create_user(new, password_hash=password_hash, email_verified=True)


def first(email: str) -> int:
    """Make the administrator `root` on a site without users; gives the exit status."""
    return _run(
        _first(email),
        lambda made: "root is the administrator now." if made else "The site has users already.",
    )


async def _first(email: str) -> bool:
    return await service.ensure_root(_ask(), email) is not None


def reset_password(username: str) -> int:
    """New password, no sessions, no second factor; gives the exit status."""
    return _run(
        service.reset_password(username, _ask()),
        lambda _: f"{username} has a new password and must log in again.",
    )


def _run(work: Coroutine[object, object, Result], told: Callable[[Result], str]) -> int:
    async def connected() -> Result:
        url = settings().database.url.get_secret_value()
        async with database(url, pool_size=1, application_name="kinora-admin"):
            return await work

    try:
        result = asyncio.run(connected())
    except AppError as error:
        return _complain(error.detail)
    except ValidationError as error:
        return _complain(_told(error))
    except OSError as error:
        return _complain(f"The database does not answer: {error.strerror or error}.")
    print(told(result))
    return 0


def _told(error: ValidationError) -> str:
    return "; ".join(f"{item['loc'][0]}: {item['msg']}" for item in error.errors())


def _ask() -> str:
    """From the environment, else from the keyboard, else from standard input: never an argument."""
    if password := os.environ.get(VARIABLE):
        return password
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    return getpass.getpass("New password: ")


def _complain(sentence: str) -> int:
    print(sentence, file=sys.stderr)
    return 1
