"""How often one address may ask, counted in Redis; without Redis nobody is refused.

GCRA: one number per bucket, the time at which it will be empty again, moved by one script so that
web processes on many hosts count together. A call costs a process some 150 µs, twice an empty
request, so each process tells Redis of a tenth of a limit at once (of 50 requests in tens of
seconds, every fifth), and answers by itself while a bucket is known to be empty. Limits below 20
are exact.
"""

import contextlib
import math
import re
import time
from collections import OrderedDict
from dataclasses import dataclass, replace
from functools import cache

from aiohttp import web
from redis.asyncio import Redis
from redis.exceptions import RedisError

from app.config import settings
from app.core.errors import RateLimitedError
from app.core.requests import client_address

REDIS: web.AppKey[Redis] = web.AppKey("redis", Redis)
_VERDICT = web.RequestKey("rate_verdict", object)

# KEYS[1] bucket; ARGV period (s), count, requests.
# Gives {1 or 0, requests left, ms to wait, ms until empty}.
_GCRA = """
local now = redis.call('TIME')
local at = now[1] * 1000 + now[2] / 1000
local period, count = ARGV[1] * 1000, tonumber(ARGV[2])
local step = period / count
local empty = math.max(tonumber(redis.call('GET', KEYS[1]) or at), at)
local after = empty + step * ARGV[3]
local wait = after - period - at
if wait > 0 then return {0, 0, math.ceil(wait), math.ceil(empty - at)} end
redis.call('SET', KEYS[1], after, 'PX', math.max(1, math.ceil(after - at)))
return {1, math.floor((period - (after - at)) / step), 0, math.ceil(after - at)}
"""

#: Addresses that a process remembers; the least recently seen are forgotten.
REMEMBERED = 10_000
#: The part of a limit that a process may give out before it tells Redis.
SHARE = 10
#: A Redis that hangs may hold one request up, not each.
SILENCE_SECONDS = 5


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


@dataclass(slots=True)
class _Tally:
    """What this process knows of a bucket."""

    since: float
    untold: int = 0
    verdict: Verdict | None = None
    empty_until: float = 0.0


@dataclass(slots=True)
class _Silence:
    """Until when Redis is not asked, because it did not answer."""

    until: float = 0.0


_tallies: OrderedDict[str, _Tally] = OrderedDict()
_silence = _Silence()


async def take(redis: Redis, key: str, limit: Limit, *, requests: int = 1) -> Verdict | None:
    """Count requests in the bucket `key`; None when Redis does not answer."""
    with contextlib.suppress(RedisError, OSError, TimeoutError):
        allowed, left, wait, reset = await redis.eval(  # type: ignore[misc]
            _GCRA, 1, f"rate:{key}", str(limit.seconds), str(limit.count), str(requests)
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
    verdict = await _count(redis, f"{name}:{subject or client_address(request)}", limit)
    if verdict is None:
        return
    request[_VERDICT] = verdict
    if not verdict.allowed:
        raise RateLimitedError(
            f"Too many requests; try again in {verdict.retry_after} s.",
            headers={"Retry-After": str(verdict.retry_after)} | verdict.headers,
        )


async def _count(redis: Redis, key: str, limit: Limit) -> Verdict | None:
    """Where a bucket stands after one more request, by what is known here or by asking Redis."""
    now = time.monotonic()
    tally = _tally(key, limit, now)
    if tally.empty_until > now and tally.verdict is not None:
        return replace(tally.verdict, retry_after=math.ceil(tally.empty_until - now))
    tally.untold += 1
    if tally.untold < limit.count // SHARE:
        known = tally.verdict or Verdict(
            allowed=True, limit=limit, remaining=limit.count, retry_after=0, reset=limit.seconds
        )
        return replace(known, allowed=True, remaining=max(0, known.remaining - tally.untold))
    if _silence.until > now:
        return None
    told, tally.untold = tally.untold, 0
    tally.verdict = await take(redis, key, limit, requests=told)
    if tally.verdict is None:
        _silence.until = time.monotonic() + SILENCE_SECONDS
    elif not tally.verdict.allowed:
        tally.empty_until = now + tally.verdict.retry_after
    return tally.verdict


def _tally(key: str, limit: Limit, now: float) -> _Tally:
    tally = _tallies.get(key)
    if tally is None or now - tally.since > limit.seconds:
        tally = _tallies[key] = _Tally(since=now)
        while len(_tallies) > REMEMBERED:
            _tallies.popitem(last=False)
    _tallies.move_to_end(key)
    return tally


def forget_tallies() -> None:
    """Ask Redis about every bucket anew (tests)."""
    _tallies.clear()
    _silence.until = 0.0


def rate_headers(request: web.BaseRequest) -> dict[str, str]:
    """The headers that tell an asker how much is left of the bucket counted last."""
    verdict = request.get(_VERDICT)
    return verdict.headers if isinstance(verdict, Verdict) else {}
