"""The numbers of jobs and slots, read from the database when somebody asks for metrics."""

import asyncpg

from app.core import metrics

_JOBS = """
    SELECT lane, kind, state, count(*) AS jobs FROM job
    WHERE state IN ('queued', 'running', 'dead') GROUP BY 1, 2, 3
"""
_READY = """
    SELECT lane, extract(epoch FROM now() - min(run_at))::float8 AS seconds FROM job
    WHERE state = 'queued' AND run_at <= now() GROUP BY lane
"""
_SLOTS = """
    SELECT lane, sum(slots)::int AS slots FROM worker
    WHERE seen_at > now() - $1 * interval '1 second' GROUP BY lane
"""


async def refresh(url: str, *, lease_seconds: int) -> None:
    """Bring the gauges up to date; without a database they show nothing rather than old numbers."""
    for gauge in (metrics.JOBS, metrics.JOBS_READY_AGE, metrics.WORKER_SLOTS):
        gauge.clear()
    try:
        database = await asyncpg.connect(url, timeout=5, command_timeout=10)
    except (OSError, asyncpg.PostgresError):
        return
    try:
        for row in await database.fetch(_JOBS):
            metrics.JOBS.labels(row["lane"], row["kind"], row["state"]).set(row["jobs"])
        for row in await database.fetch(_READY):
            metrics.JOBS_READY_AGE.labels(row["lane"]).set(row["seconds"])
        for row in await database.fetch(_SLOTS, lease_seconds):
            metrics.WORKER_SLOTS.labels(row["lane"]).set(row["slots"])
    finally:
        await database.close(timeout=2)
