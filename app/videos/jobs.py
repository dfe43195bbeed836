"""Work that videos owe: files of deleted videos, views that were counted."""

from collections.abc import Sequence
from datetime import timedelta

from app.core.jobs import JobContext, Lane, Retry, job, jobs_of
from app.core.models import JobState
from app.core.storage import storage


@job("videos.remove_files", lane=Lane.DEFAULT, max_attempts=1000)
async def remove_files(
    ctx: JobContext,
    *,
    keys: Sequence[str],
    prefixes: Sequence[str],
    after_jobs_of: str | None = None,
) -> None:
    """Remove files that nothing refers to any more, once no job can write more of them."""
    if after_jobs_of:
        jobs = await jobs_of(after_jobs_of)
        if any(row["state"] == JobState.RUNNING and row["id"] != ctx.id for row in jobs):
            raise Retry(timedelta(seconds=5))
    store = storage()
    await store.delete(*keys)
    for prefix in prefixes:
        await store.delete_prefix(prefix)
