"""Password hashes: argon2id with the parameters of RFC 9106 for machines with little memory.

One hash takes 64 MiB and a third of a second, so two threads make them all: a storm of logins waits
instead of eating the memory, and the event loop never stands still.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.profiles import RFC_9106_LOW_MEMORY

_threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="passwords")
_hasher = PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)

#: in place of a hash: no password opens the account until one is set by mail
UNUSABLE = "!"


def _matches(password_hash: str, password: str) -> bool:
    try:
        return _hasher.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False


@cache
def _decoy() -> str:
    return _hasher.hash("nobody has this password")


async def hash_password(password: str) -> str:
    """The hash to keep of a password."""
    return await asyncio.get_running_loop().run_in_executor(_threads, _hasher.hash, password)


async def verify_password(password_hash: str | None, password: str) -> bool:
    """Whether this is the password of the hash. Without a hash (nobody of that name, or no usable
    password) it takes as long and is always wrong, so that the time does not tell who exists."""
    loop = asyncio.get_running_loop()
    if password_hash is None or password_hash == UNUSABLE:
        await loop.run_in_executor(_threads, lambda: _matches(_decoy(), password))
        return False
    return await loop.run_in_executor(_threads, _matches, password_hash, password)


def is_outdated(password_hash: str) -> bool:
    """Whether a hash was made with other parameters than today's and should be made anew."""
    return _hasher.check_needs_rehash(password_hash)
