"""One attempt at a job: claim the row, run the function, record how it ended.

A claim, like every later word about the attempt, names the worker and the attempt's number: what an
attempt says after it lost its job changes nothing.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any, TypeVar
from uuid import UUID

import structlog
from tortoise.exceptions import BaseORMException

from app.config import settings
from app.core import metrics
from app.core.db import Row, fetch, fetchrow, fetchval, transaction
from app.core.jobs_context import JobContext
from app.core.jobs_kinds import (
    Fatal,
    Kind,
    Lane,
    LostLease,
    Priority,
    Retry,
    backoff,
    kind_of,
    known_kinds,
)
from app.core.jobs_listen import CONNECTION_ERRORS

log = structlog.get_logger(__name__)
T = TypeVar("T")

ERROR_LENGTH = 2000
UNKNOWN_KIND_DELAY = timedelta(seconds=10)
DATABASE_ERRORS = (*CONNECTION_ERRORS, BaseORMException)

#: A second delivery of the same id finds the row no longer queued and claims nothing.
_CLAIM = """
    UPDATE job SET state = 'running', attempt = attempt + 1, worker = $2, started_at = now(),
        lease_until = now() + $3 * interval '1 second', sent_at = NULL, progress = 0
    WHERE id = $1 AND state = 'queued' AND run_at <= now() + $5::interval AND kind = ANY ($4)
    RETURNING id, kind, payload, attempt, max_attempts, priority, subject, owner_id, error
"""
#: This process cannot do it (it is older, or younger): some other one will, later.
_LEAVE_UNKNOWN = """
    WITH other AS (
        UPDATE job SET sent_at = NULL, run_at = now() + $3::interval
        WHERE id = $1 AND state = 'queued' AND kind <> ALL ($2) RETURNING kind, lane
    ) SELECT kind, pg_notify('job_ready', lane) FROM other
"""
_AGAIN = """
    WITH again AS (
        UPDATE job SET state = 'queued', error = $4, run_at = now() + $5::interval, worker = NULL,
            lease_until = NULL, sent_at = NULL
        WHERE id = $1 AND worker = $2 AND attempt = $3 AND state = 'running' RETURNING lane
    ) SELECT true, pg_notify('job_ready', lane) FROM again
"""
_DEAD = """
    WITH dead AS (
        UPDATE job SET state = 'dead', error = $4, finished_at = now(), lease_until = NULL
        WHERE id = $1 AND worker = $2 AND attempt = $3 AND state = 'running' RETURNING lane
    ) SELECT true, pg_notify('job_ready', lane) FROM dead
"""
#: What was cut off is not counted as an attempt: no number of restarts makes a job dead.
_GIVE_BACK = """
    WITH back AS (
        UPDATE job SET state = 'queued', attempt = attempt - 1, worker = NULL, lease_until = NULL,
            sent_at = NULL
        WHERE worker = $1 AND state = 'running' RETURNING id, lane
    ) SELECT id, pg_notify('job_ready', lane) FROM back
"""
#: What died with its worker is: a job that kills its workers ends.
_TAKE_BACK = """
    WITH back AS (
        UPDATE job SET state = 'queued', worker = NULL, lease_until = NULL, sent_at = NULL,
            error = 'The worker died.'
        WHERE worker = $1 AND state = 'running' RETURNING id, lane
    ) SELECT id, pg_notify('job_ready', lane) FROM back
"""
#: The work of a cancelled job has really ended.
_LET_GO = """
    UPDATE job SET lease_until = NULL
    WHERE id = $1 AND worker = $2 AND attempt = $3 AND state = 'cancelled'
"""
_NEXT_DUE = """
    SELECT id FROM job
    WHERE state = 'queued' AND run_at <= now() + $2::interval AND ($1::text IS NULL OR lane = $1)
        AND kind = ANY ($3)
    ORDER BY priority DESC, run_at, id LIMIT 1
"""


class Outcome(StrEnum):
    """How an attempt ended."""

    DONE = "done"
    AGAIN = "again"
    DEAD = "dead"
    CANCELLED = "cancelled"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Claim:
    """A job that this process owns."""

    context: JobContext
    kind: Kind
    payload: dict[str, Any]
    #: how the attempt before ended, where it failed
    last_error: str | None


async def claim(job_id: UUID, *, worker: str, ahead: timedelta = timedelta(0)) -> Claim | None:
    """Take a job that was sent here; None when another has it, or it is not due, or unknown."""
    kinds = list(known_kinds())
    lease = settings().workers.lease_seconds
    row = await fetchrow(_CLAIM, job_id, worker, lease, kinds, ahead)
    if row is not None:
        return _claimed(row, worker)
    if left := await fetchrow(_LEAVE_UNKNOWN, job_id, kinds, UNKNOWN_KIND_DELAY):
        log.warning("a job of a kind that this worker does not know", kind=left["kind"])
    return None


def _claimed(row: Row, worker: str) -> Claim:
    context = JobContext(
        id=row["id"],
        kind=row["kind"],
        attempt=row["attempt"],
        max_attempts=row["max_attempts"],
        priority=Priority.nearest(row["priority"]),
        subject=row["subject"],
        owner_id=row["owner_id"],
        worker=worker,
    )
    return Claim(context, kind_of(row["kind"]), json.loads(row["payload"]), row["error"])


async def attempt(claim: Claim) -> Outcome:
    """Run a claimed job and record how it ended. A cancelled task raises, and records nothing."""
    context, kind = claim.context, claim.kind
    started = time.monotonic()
    with structlog.contextvars.bound_contextvars(job_id=str(context.id), job=context.kind):
        outcome = await _outcome(claim)
        seconds = time.monotonic() - started
        metrics.job_ended(kind.name, lane=kind.lane, outcome=outcome, seconds=seconds)
        log.info("job ended", outcome=outcome, attempt=context.attempt, seconds=round(seconds, 3))
    return outcome


async def _outcome(claim: Claim) -> Outcome:
    context, kind = claim.context, claim.kind
    if context.attempt > context.max_attempts:
        return await _bury(claim, claim.last_error or "The last attempt was cut off.")
    try:
        async with asyncio.timeout(kind.timeout.total_seconds()):
            await kind.function(context, **claim.payload)
            if not context.finished:
                await _mark_done(context)
        outcome = Outcome.DONE
    except LostLease:
        log.warning("the attempt had lost its job")
        outcome = Outcome.LOST
    except Retry as wish:
        outcome = await _again(claim, str(wish), wish.delay)
    except Fatal as error:
        outcome = await _bury(claim, error.detail)
    except Exception as error:
        log.exception("job failed", attempt=context.attempt)
        if context.finished:  # what comes after the end cannot undo it
            outcome = Outcome.DONE
        else:
            sentence = f"{type(error).__name__}: {error}".removesuffix(": ")
            outcome = await _again(claim, sentence, None)
    return outcome


async def _again(claim: Claim, error: str, delay: timedelta | None) -> Outcome:
    context = claim.context
    if context.last_attempt:
        return await _bury(claim, error)
    wait = backoff(context.attempt) if delay is None else delay
    return await _postpone(context, error, wait)


async def _postpone(context: JobContext, error: str, delay: timedelta) -> Outcome:
    arguments = (context.id, context.worker, context.attempt, _stored(error), delay)
    return Outcome.AGAIN if await _recorded(_AGAIN, *arguments) else Outcome.LOST


async def _bury(claim: Claim, error: str) -> Outcome:
    """Mark the job dead and tell its `on_dead`; where that fails, both are tried again later."""
    context, stored = claim.context, _stored(error)
    try:
        async with transaction():
            arguments = (context.id, context.worker, context.attempt, stored)
            if not await fetchval(_DEAD, *arguments):
                return Outcome.LOST
            if claim.kind.on_dead is not None:
                await claim.kind.on_dead(claim.payload, stored)
    except Exception:
        log.exception("a job could not be marked dead")
        return await _postpone(context, error, max(backoff(context.attempt), UNKNOWN_KIND_DELAY))
    log.error("job is dead", error=stored)
    return Outcome.DEAD


def _stored(error: str) -> str:
    return error.replace("\0", "")[:ERROR_LENGTH]


async def _recorded(sql: str, *arguments: object) -> bool:
    """Say how an attempt ended; gives whether it still owned its job."""
    return bool(await _through_outages(lambda: fetchval(sql, *arguments)))


async def _mark_done(context: JobContext) -> None:
    """The function returned: that must not be for nothing because a connection was lost."""

    async def finish() -> None:
        async with context.finish():
            pass

    await _through_outages(finish)


async def _through_outages(say: Callable[[], Awaitable[T]]) -> T:
    """Tell the database, through a restart of it that is shorter than the lease."""
    deadline = time.monotonic() + settings().workers.lease_seconds
    while True:
        try:
            return await say()
        except DATABASE_ERRORS:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.5)


async def give_back(worker: str) -> int:
    """Queue again, at once, what a worker that stops was running; gives how many."""
    return len(await fetch(_GIVE_BACK, worker))


async def take_back(worker: str) -> int:
    """Queue again, at once, what a worker that has died was running; gives how many."""
    return len(await fetch(_TAKE_BACK, worker))


async def let_go(context: JobContext) -> None:
    """The work of a job that was cancelled has ended."""
    await fetch(_LET_GO, context.id, context.worker, context.attempt)


async def drain(lane: Lane | None = None, *, ahead: timedelta = timedelta(0)) -> list[Outcome]:
    """For tests: run every due job here, without Redis, until none is left; gives how each ended.

    `ahead` moves the clock: what is due by then is due now. Kinds that nothing registered stay.
    """
    outcomes: list[Outcome] = []
    while job_id := await fetchval(_NEXT_DUE, lane, ahead, list(known_kinds())):
        claimed = await claim(job_id, worker="drain", ahead=ahead)
        if claimed is not None:
            outcomes.append(await attempt(claimed))
    return outcomes
