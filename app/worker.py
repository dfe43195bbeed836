"""The processes that do the jobs: `run_worker` for some lanes, `run_dispatcher` for all of them.

The dispatcher imports no feature, no model and no web framework: it runs beside everything else,
all the time.
"""

import asyncio
import contextlib
import gc
import signal
from collections.abc import AsyncIterator, Iterable
from importlib import import_module

import structlog

from app.config import Settings, settings
from app.core import log as logging
from app.core import metrics
from app.core.jobs_kinds import Lane
from app.core.systemd import notify
from app.cron import Timetable

log = structlog.get_logger(__name__)

#: What registers jobs, or subscribes to events that jobs publish (a test holds it to the tree).
JOB_MODULES: tuple[str, ...] = (
    "app.core.jobs_upkeep",
    "app.core.mail",
    "app.accounts.leftovers",
    "app.sessions.jobs",
    "app.transcoding.jobs",
    "app.uploads.jobs",
    "app.videos.jobs",
    "app.videos.leftovers",
)
ENCODING = frozenset({Lane.TRANSCODE, Lane.GPU})


def slots_of(lane: Lane, config: Settings) -> int:
    """How many jobs of a lane one worker runs at the same time."""
    if lane in ENCODING:
        from app.transcoding.profiles import slots

        return slots()
    return config.workers.default_slots


def run_worker(lanes: Iterable[str]) -> None:
    """Do the jobs of these lanes until SIGTERM or SIGINT; what runs then is queued again."""
    asyncio.run(_worker([Lane(lane) for lane in lanes]))


def run_dispatcher() -> None:
    """Send jobs to the workers until SIGTERM or SIGINT."""
    asyncio.run(_dispatcher())


async def _worker(lanes: list[Lane]) -> None:
    from app.core.db import database
    from app.core.jobs_context import on_progress
    from app.core.jobs_process import process_name, take_back_of_the_dead
    from app.core.jobs_runner import Runner
    from app.core.pubsub import PubSub
    from app.core.storage import storage

    logging.configure("worker")
    config = settings()
    for module in JOB_MODULES:
        import_module(module)
    slots = {lane: slots_of(lane, config) for lane in lanes}
    runner = Runner(process_name(), slots, encoders=await _encoders(lanes))
    pool = database(
        config.database.url.get_secret_value(),
        # Jobs that hold a connection each must not keep the heartbeat from having one.
        pool_size=max(config.database.pool_size, sum(runner.slots.values()) + 2),
        application_name="kinora-worker",
    )
    listener = metrics.listener(config.workers.metrics_port, host=config.metrics.host)
    async with _stop_signal() as stop, listener, pool:
        _settle()
        taken = await take_back_of_the_dead()
        log.info("worker", lanes=list(lanes), slots=dict(runner.slots), taken_back=taken)
        words = PubSub(config.redis.url.get_secret_value())
        on_progress(words.publish)
        notify("READY=1")
        try:
            await runner.run(stop)
        finally:
            await words.close()
            await storage().close()


async def _encoders(lanes: list[Lane]) -> dict[str, str | None]:
    """What this host encodes with; nobody asks a worker of other lanes."""
    if not ENCODING & set(lanes):
        return {}
    from app.transcoding.profiles import probe_encoders

    return await probe_encoders()


async def _dispatcher() -> None:
    from app.core import jobs_gauges
    from app.core.jobs_dispatcher import Dispatcher

    logging.configure("dispatcher")
    config = settings()
    url, lease = config.database.url.get_secret_value(), config.workers.lease_seconds
    dispatcher = Dispatcher(url, config.redis.url.get_secret_value(), lease, chores=[Timetable()])
    listener = metrics.listener(
        config.workers.dispatcher_metrics_port,
        host=config.metrics.host,
        refresh=lambda: jobs_gauges.refresh(url, lease_seconds=lease),
    )
    async with _stop_signal() as stop, listener:
        _settle()
        log.info("dispatcher")
        notify("READY=1")
        await dispatcher.run(stop)


def _settle() -> None:
    """What is loaded now stays for good: the garbage collector need not look at it again."""
    gc.collect()
    gc.freeze()


@contextlib.asynccontextmanager
async def _stop_signal() -> AsyncIterator[asyncio.Event]:
    """An event that SIGTERM and SIGINT set."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        yield stop
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
