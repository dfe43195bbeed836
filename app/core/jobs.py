"""Jobs: work that is owed, kept as rows that commit together with what wants them.

PostgreSQL owns the jobs; arq only carries their ids to the workers. arq alone was measured to lose
42 of 543 acknowledged jobs under kill -9 and Redis restarts. Features need this module only; the
dispatcher is `jobs_dispatcher`, what a worker does is `jobs_runner`.
"""

import json
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from uuid import UUID

from app.core.db import Row, fetch, fetchrow, fetchval, transaction
from app.core.errors import ConflictError, NotFoundError
from app.core.ids import new_uuid
from app.core.jobs_attempt import drain
from app.core.jobs_context import JobContext
from app.core.jobs_kinds import Fatal, Lane, LostLease, Priority, Retry, job, kind_of
from app.core.models import JobState

__all__ = [
    "Fatal",
    "JobContext",
    "JobState",
    "Lane",
    "LostLease",
    "Priority",
    "Retry",
    "cancel",
    "cancel_job",
    "drain",
    "enqueue",
    "job",
    "jobs_of",
    "retry_job",
]

#: One statement: the row, and the word to the dispatcher that is heard when the transaction
#: commits.
_ENQUEUE = """
    WITH new AS (
        INSERT INTO job (id, kind, lane, payload, priority, owner_id, owner_slots, state, attempt,
            max_attempts, run_at, progress, unique_key, subject, created_at)
        VALUES ($1, $2, $3, $4::jsonb, $5, $6, $7, 'queued', 0,
            $8, coalesce($9, now()), 0, $10, $11, now())
        ON CONFLICT (unique_key) WHERE unique_key IS NOT NULL AND state IN ('queued', 'running')
        DO NOTHING RETURNING id, lane
    ) SELECT id, pg_notify('job_ready', lane) FROM new
"""
#: The worker keeps its mark on a running row until its work has really ended (see `jobs_of`).
_CANCEL = """
    WITH ended AS (
        UPDATE job SET state = 'cancelled', finished_at = now(), sent_at = NULL
        WHERE {which} AND state IN ('queued', 'running')
        RETURNING id, lane
    ) SELECT id, pg_notify('job_cancelled', id::text), pg_notify('job_ready', lane) FROM ended
"""
_CANCEL_ONE = _CANCEL.format(which="id = $1")
_CANCEL_ALL = _CANCEL.format(which="subject = $1 AND id IS DISTINCT FROM $2")
_RETRY = """
    WITH again AS (
        UPDATE job SET state = 'queued', attempt = 0, progress = 0, run_at = now(), sent_at = NULL,
            worker = NULL, lease_until = NULL, started_at = NULL, finished_at = NULL
        WHERE id = $1 RETURNING lane
    ) SELECT pg_notify('job_ready', lane) FROM again
"""
_JOBS_OF = """
    SELECT id, kind, lane, state, priority, progress, attempt, max_attempts, error, owner_id,
        run_at, created_at, started_at, finished_at,
        state = 'running'
            OR coalesce(state = 'cancelled' AND lease_until > now(), false) AS active
    FROM job WHERE subject = $1 ORDER BY created_at, id
"""


async def enqueue(
    what: Callable[..., Awaitable[None]] | str,
    /,
    *,
    priority: Priority = Priority.NORMAL,
    owner_id: int | None = None,
    subject: str | None = None,
    unique_key: str | None = None,
    run_at: datetime | None = None,
    max_attempts: int | None = None,
    **payload: object,
) -> UUID | None:
    """Owe a job: a row in the caller's transaction; gives its id, None when its unique key is live.

    `what` is the function, or its kind's name where that lies in a feature above. The payload is
    JSON. `owner_id` is the user whose share of the workers it takes. Raises LookupError for an
    unknown kind.
    """
    kind = kind_of(what)
    row = await fetchrow(
        _ENQUEUE,
        new_uuid(),
        kind.name,
        kind.lane,
        json.dumps(payload),
        priority,
        owner_id,
        None if owner_id is None else kind.owner_slots,
        kind.max_attempts if max_attempts is None else max_attempts,
        run_at,
        unique_key,
        subject,
    )
    return None if row is None else row["id"]


async def cancel(*, subject: str, except_id: UUID | None = None) -> int:
    """Cancel all live jobs about a subject; running ones are stopped within a second. Gives how
    many.

    A job that cancels the others of its subject names itself in `except_id`.
    """
    return len(await fetch(_CANCEL_ALL, subject, except_id))


async def cancel_job(job_id: UUID) -> bool:
    """Cancel a job; gives whether it was still queued or running."""
    return bool(await fetch(_CANCEL_ONE, job_id))


async def retry_job(job_id: UUID) -> None:
    """Give a dead or cancelled job all its attempts again.

    Raises NotFoundError for an unknown job, ConflictError for one that is not dead or cancelled, or
    while another one with its unique key is live.
    """
    async with transaction():
        row = await fetchrow("SELECT state, unique_key FROM job WHERE id = $1 FOR UPDATE", job_id)
        if row is None:
            raise NotFoundError("There is no such job.")
        if row["state"] not in {JobState.DEAD, JobState.CANCELLED}:
            raise ConflictError("Only a job that failed or was cancelled can be run again.")
        if row["unique_key"] is not None and await fetchval(
            "SELECT true FROM job WHERE unique_key = $1 AND state IN ('queued', 'running')",
            row["unique_key"],
        ):
            raise ConflictError("The same work is already queued.")
        await fetchval(_RETRY, job_id)


async def jobs_of(subject: str) -> Sequence[Row]:
    """All jobs about a subject, oldest first.

    `active` tells whether a worker is (or may be) still at it; for a while that is so after a
    cancel.
    """
    return await fetch(_JOBS_OF, subject)
