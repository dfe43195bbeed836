"""The only module that speaks to arq: it carries ids of jobs through Redis, and nothing else.

An id that Redis loses is sent again by the dispatcher, one that arrives twice claims nothing; so
nothing here needs to be durable. arq's own worker exits when Redis does, and would take running
jobs with it: here it only hands ids over, and a new one is made when Redis is back.
"""

import asyncio
import json
import secrets
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from arq.connections import ArqRedis  # noqa: TID251 - the one place
from arq.worker import Function, Worker  # noqa: TID251 - the one place
from redis.asyncio import ConnectionPool
from redis.exceptions import RedisError

Redis = ArqRedis
CARRIER_ERRORS = (RedisError, OSError, TimeoutError)

#: Redis is near: what takes longer is lost.
REDIS_SECONDS = 5
#: An id that nobody took for so long was sent again long ago.
EXPIRES = timedelta(minutes=5)
#: arq compares the clocks of two hosts; with this head start theirs may differ.
CLOCK_SKEW = timedelta(minutes=1)
#: Handing an id over takes milliseconds; a worker killed meanwhile blocks only that delivery, for
#: this.
HAND_OVER_SECONDS = 5


def _to_json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, default=repr).encode()


def connect(url: str) -> ArqRedis:
    """A client of Redis; connects when it is used."""
    pool: ConnectionPool = ConnectionPool.from_url(
        url, socket_timeout=REDIS_SECONDS, socket_connect_timeout=REDIS_SECONDS
    )
    return ArqRedis(
        pool, job_serializer=_to_json, job_deserializer=json.loads, default_queue_name="kinora"
    )


async def disconnect(redis: ArqRedis) -> None:
    """Close its connections."""
    await redis.aclose(close_connection_pool=True)


def _queue(lane: str) -> str:
    return f"kinora:lane:{lane}"


async def send(redis: ArqRedis, *, lane: str, job_ids: Iterable[UUID]) -> None:
    """Put ids into a lane's queue, in this order. Raises one of CARRIER_ERRORS."""
    for job_id in job_ids:
        # The nonce lets an id be sent again while the trace of a lost delivery is still there.
        await redis.enqueue_job(
            "deliver",
            str(job_id),
            _job_id=f"{job_id}:{secrets.token_hex(4)}",
            _queue_name=_queue(lane),
            _defer_until=datetime.now(UTC) - CLOCK_SKEW,
            _expires=EXPIRES,
        )


class Receiver(Worker):
    """Takes ids out of one lane's queue."""

    def __init__(self, redis: ArqRedis, *, lane: str, deliver: Callable[[UUID], None]) -> None:
        async def hand_over(ctx: dict[Any, Any], *args: Any, **kwargs: Any) -> None:  # noqa: ARG001
            deliver(UUID(args[0]))

        super().__init__(
            [Function("deliver", hand_over, HAND_OVER_SECONDS, 0, False, 1)],
            queue_name=_queue(lane),
            redis_pool=redis,
            handle_signals=False,
            max_jobs=1,
            keep_result=0,
            retry_jobs=False,
            log_results=False,
            health_check_interval=timedelta(days=365),
            job_serializer=_to_json,
            job_deserializer=json.loads,
        )
        # What is due is more than what is there to read: the health record is nobody's business.
        self._last_health_check = float("inf")

    async def take(self, limit: int) -> None:
        """Deliver at most `limit` ids that wait now. Raises one of CARRIER_ERRORS."""
        self.max_jobs = limit
        self.sem = asyncio.BoundedSemaphore(limit + 1)
        try:
            await self._poll_iteration()
        finally:
            handed_over = await asyncio.gather(*self.tasks.values(), return_exceptions=True)
            self.tasks.clear()
        for result in handed_over:
            if isinstance(result, BaseException):
                raise result
