"""The jobs' own job: forgetting what is over."""

from datetime import timedelta

from app.core.db import execute
from app.core.jobs_context import JobContext
from app.core.jobs_kinds import job

#: Dead jobs are kept until somebody looks.
KEEP = timedelta(days=3)

_FORGET = (
    "DELETE FROM job WHERE state IN ('done', 'cancelled') AND finished_at < now() - $1::interval"
)


@job("jobs.forget")
async def forget_jobs(ctx: JobContext) -> None:  # noqa: ARG001 - every job is given one
    """Remove the rows of jobs that were done or cancelled some days ago."""
    await execute(_FORGET, KEEP)
