"""A dispatcher and workers inside the test's own process, on its real database and Redis."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from uuid import UUID

from app.config import settings
from app.core.db import Row, fetchrow
from app.core.jobs import Lane
from app.core.jobs_dispatcher import Chore, Dispatcher
from app.core.jobs_runner import Runner
from app.core.models import JobState

SECONDS = 30


@dataclass
class Crew:
    """What runs; `stop_*` end it as SIGTERM would, `kill_*` as kill -9 (nothing is said)."""

    tasks: dict[str, "asyncio.Task[None]"] = field(default_factory=dict)
    stops: dict[str, asyncio.Event] = field(default_factory=dict)
    runners: dict[str, Runner] = field(default_factory=dict)

    def dispatcher(self, name: str = "dispatcher", *, chores: list[Chore] | None = None) -> None:
        """Start a dispatcher."""
        config = settings()
        dispatcher = Dispatcher(
            config.database.url.get_secret_value(),
            config.redis.url.get_secret_value(),
            config.workers.lease_seconds,
            chores or [],
        )
        self._start(name, dispatcher.run)

    def worker(self, name: str = "worker", **slots: int) -> Runner:
        """Start a worker with so many slots by lane (two of the default lane by default)."""
        lanes = {Lane(lane): number for lane, number in (slots or {"default": 2}).items()}
        self.runners[name] = Runner(name, lanes)
        self._start(name, self.runners[name].run)
        return self.runners[name]

    def _start(self, name: str, run: Callable[[asyncio.Event], Awaitable[None]]) -> None:
        async def running(stop: asyncio.Event) -> None:
            await run(stop)

        self.stops[name] = asyncio.Event()
        self.tasks[name] = asyncio.get_running_loop().create_task(running(self.stops[name]))

    async def stop(self, name: str) -> None:
        """End it in order."""
        self.stops.pop(name).set()
        async with asyncio.timeout(SECONDS):
            await self.tasks.pop(name)

    async def stop_all(self) -> None:
        """End everything, workers first."""
        for name in sorted(self.tasks, key=lambda name: name not in self.runners):
            await self.stop(name)


@contextlib.asynccontextmanager
async def crew() -> AsyncIterator[Crew]:
    """A crew that is stopped with the block."""
    everybody = Crew()
    try:
        yield everybody
    finally:
        await everybody.stop_all()


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Wait until something has become true in the database."""
    async with asyncio.timeout(SECONDS):
        while not await condition():
            await asyncio.sleep(0.01)


async def until_state(job_id: UUID | None, *states: JobState) -> Row:
    """Wait until a job is in one of these states; gives its row."""
    found: list[Row] = []

    async def reached() -> bool:
        row = await fetchrow("SELECT * FROM job WHERE id = $1", job_id)
        if row is not None and row["state"] in states:
            found.append(row)
        return bool(found)

    await until(reached)
    return found[0]


async def heard(event: asyncio.Event) -> None:
    """Wait for a job to say something."""
    async with asyncio.timeout(SECONDS):
        await event.wait()
