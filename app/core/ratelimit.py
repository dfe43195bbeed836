"""How often one address may ask, counted in Redis; without Redis nobody is refused.

GCRA: one number per bucket, the time at which it will be empty again, moved by one script so that
web processes on many hosts count together.
"""

import contextlib
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from aiohttp import web
from redis.asyncio import Redis
from redis.exceptions import RedisError

from app.config import settings
from app.core.errors import RateLimitedError
from app.core.requests import client_address

REDIS: web.AppKey[Redis] = web.AppKey("redis", Redis)
_VERDICT = web.RequestKey("rate_verdict", object)

# KEYS[1] bucket; ARGV period (s), count. Gives {1 or 0, requests left, ms to wait, ms until empty}.
_GCRA = """
local now = redis.call('TIME')
local at = now[1] * 1000 + now[2] / 1000
local period, count = ARGV[1] * 1000, tonumber(ARGV[2])
local step = period / count
local empty = math.max(tonumber(redis.call('GET', KEYS[1]) or at), at)
local wait = empty + step - period - at
if wait > 0 then return {0, 0, math.ceil(wait), math.ceil(empty - at)} end
redis.call('SET', KEYS[1], empty + step, 'PX', math.ceil(empty + step - at))
return {1, math.floor((period - (empty + step - at)) / step), 0, math.ceil(empty + step - at)}
"""


@dataclass(frozen=True, slots=True)
class Limit:
    """So many requests in so many seconds."""

    count: int
    seconds: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """Where a bucket stands after a request; times in seconds, rounded up."""

    allowed: bool
    limit: Limit
    remaining: int
    retry_after: int
    reset: int

    @property
    def headers(self) -> dict[str, str]:
        """The RateLimit headers that PeerTube sends too."""
        return {
            "RateLimit-Limit": str(self.limit.count),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(self.reset),
        }


@cache
def parse_limit(text: str) -> Limit:
    """`50/10` → fifty requests in ten seconds; a ValueError when it is written otherwise."""
    written = re.fullmatch(r"([1-9]\d{0,8})/([1-9]\d{0,8})", text)
    if written is None:
        raise ValueError(f"{text!r} is no rate: write count/seconds, e.g. 50/10")
    return Limit(int(written[1]), int(written[2]))


async def take(redis: Redis, key: str, limit: Limit) -> Verdict | None:
    """Count one request in the bucket `key`; None when Redis does not answer."""
    with _failing_open():
        allowed, left, wait, reset = await redis.eval(  # type: ignore[misc]
            _GCRA, 1, f"rate:{key}", str(limit.seconds), str(limit.count)
        )
        return Verdict(bool(allowed), limit, left, math.ceil(wait / 1000), math.ceil(reset / 1000))
    return None


async def check(request: web.Request, name: str, *, subject: str | None = None) -> None:
    """Count a request against the limit `name` of the settings; one too many is an error 429.

    Counted per address, or per `subject` (e.g. the account that a login tries) where one is given.
    """
    limits = settings().rate_limits
    redis = request.config_dict.get(REDIS)
    if not limits.enabled or redis is None:
        return
    limit = parse_limit(getattr(limits, name))
    verdict = await take(redis, f"{name}:{subject or client_address(request)}", limit)
    if verdict is None:
        return
    request[_VERDICT] = verdict
    if not verdict.allowed:
        raise RateLimitedError(
            f"Too many requests; try again in {verdict.retry_after} s.",
            headers={"Retry-After": str(verdict.retry_after)} | verdict.headers,
        )


def rate_headers(request: web.BaseRequest) -> dict[str, str]:
    """The headers that tell an asker how much is left of the bucket counted last."""
    verdict = request.get(_VERDICT)
    return verdict.headers if isinstance(verdict, Verdict) else {}


@contextlib.contextmanager
def _failing_open() -> Iterator[None]:
    """A limit must never take the site down with Redis."""
    with contextlib.suppress(RedisError, OSError, TimeoutError):
        yield
