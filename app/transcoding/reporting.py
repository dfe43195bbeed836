"""Tells a job's row how far a child process is, while it works."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from app.core.jobs import JobContext
from app.media.ffmpeg import OnProgress

T = TypeVar("T")
Watch = Callable[[float], Awaitable[None]]
PAUSE_SECONDS: Final = 0.5


async def reported(
    ctx: JobContext, work: Callable[[OnProgress], Awaitable[T]], *, watch: Watch | None = None
) -> T:
    """Do the work, and twice a second tell the job's row (and `watch`) which part is done.

    The work is cancelled when this attempt has lost its job. Raises LostLease, and what the work
    raises.
    """
    part = 0.0

    def remember(done: float) -> None:
        nonlocal part
        part = done

    async def tell() -> None:
        while True:
            await asyncio.sleep(PAUSE_SECONDS)
            await ctx.progress(part)
            if watch is not None:
                await watch(part)

    try:
        async with asyncio.TaskGroup() as group:
            telling = group.create_task(tell())
            try:
                return await work(remember)
            finally:
                telling.cancel()
    except BaseExceptionGroup as failed:
        raise failed.exceptions[0] from None
