"""Reads for those who look after the jobs: lists, numbers, the workers that do them."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.core.db import Row, fetch
from app.core.models import JobState
from app.core.pagination import counted

#: PeerTube's names of states, and ours. A job that waits for its time is delayed.
PEERTUBE_STATES = {
    "active": "state = 'running'",
    "completed": "state = 'done'",
    "failed": "state IN ('dead', 'cancelled')",
    "waiting": "state = 'queued' AND run_at <= now()",
    "delayed": "state = 'queued' AND run_at > now()",
}

#: One job, with whose it is and what it is about.
COLUMNS = """
    job.id, job.kind, job.lane, job.state, job.priority, job.progress, job.attempt,
    job.max_attempts, job.error, job.payload, job.subject, job.worker, job.run_at, job.created_at,
    job.started_at, job.finished_at, job.state = 'queued' AND job.run_at > now() AS delayed,
    "user".username AS owner, video.uuid AS video_uuid, video.name AS video_name"""

#: A page of jobs, newest first; names are joined for its rows only.
PAGE = """
SELECT {columns} FROM (
    SELECT * FROM job WHERE {where} ORDER BY {order} LIMIT {limit} OFFSET {offset}) job
LEFT JOIN "user" ON "user".id = job.owner_id
LEFT JOIN video ON job.subject = 'video:' || video.id ORDER BY {order}"""

#: How many jobs there are in each lane and state (`delayed` are queued for later), and since when
#: the first of them could have run; done ones are too many to count for a page.
NUMBERS = """
SELECT lane, CASE WHEN state = 'queued' AND run_at > now() THEN 'delayed' ELSE state END AS state,
    count(*) AS jobs, min(greatest(created_at, run_at)) AS oldest
FROM job WHERE state IN ('queued', 'running', 'dead') GROUP BY 1, 2 ORDER BY 1, 2"""

#: The workers that are alive, with the slots they use now.
WORKERS = """
SELECT worker.id, worker.lane, worker.slots, worker.encoders, worker.started_at, worker.seen_at,
    (SELECT count(*) FROM job WHERE job.worker || '/' || job.lane = worker.id
        AND job.state = 'running') AS used
FROM worker ORDER BY lane, started_at"""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFilter:
    """Which jobs are listed; None is all."""

    lane: str | None = None
    state: JobState | None = None
    #: a kind, or what several begin with
    kind: str | None = None
    #: one of PEERTUBE_STATES
    peertube_state: str | None = None
    oldest_first: bool = False
    start: int = 0
    count: int = 50


async def list_jobs(wanted: JobFilter) -> Sequence[Row]:
    """A page of jobs."""
    where, arguments = _where(wanted)
    direction = "ASC" if wanted.oldest_first else "DESC"
    sql = PAGE.format(
        columns=COLUMNS,
        where=where,
        order=f"job.created_at {direction}, job.id {direction}",
        limit=f"${len(arguments) + 1}",
        offset=f"${len(arguments) + 2}",
    )
    return await fetch(sql, *arguments, wanted.count, wanted.start)


async def count_jobs(wanted: JobFilter) -> int:
    """How many jobs the whole list has."""
    where, arguments = _where(wanted)
    return await counted(f"SELECT count(*) FROM job WHERE {where}", *arguments)  # noqa: S608 - words of ours


async def numbers() -> Sequence[Row]:
    """Lane, state, jobs and the oldest one's time."""
    return await fetch(NUMBERS)


async def workers() -> Sequence[Row]:
    """The workers that are alive."""
    return await fetch(WORKERS)


def _where(wanted: JobFilter) -> tuple[str, list[object]]:
    parts, arguments = ["true"], list[object]()
    for column, value in (("lane", wanted.lane), ("state", wanted.state)):
        if value is not None:
            arguments.append(str(value))
            parts.append(f"{column} = ${len(arguments)}")
    if wanted.kind is not None:
        arguments.append(wanted.kind)
        parts.append(f"starts_with(kind, ${len(arguments)})")
    if wanted.peertube_state is not None:
        parts.append(PEERTUBE_STATES[wanted.peertube_state])
    return " AND ".join(parts), arguments
