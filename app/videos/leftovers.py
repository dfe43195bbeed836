"""Files that no row refers to any more, removed once nothing can write them again."""

from collections.abc import Sequence
from datetime import timedelta

from app.backup.hold import ATTEMPTS, wait_for_backup
from app.core.jobs import JobContext, Lane, Retry, job, jobs_of
from app.core.storage import storage


@job("videos.remove_files", lane=Lane.DEFAULT, max_attempts=ATTEMPTS)
async def remove_files(
    _: JobContext,
    *,
    keys: Sequence[str],
    prefixes: Sequence[str],
    after_jobs_of: str | None = None,
) -> None:
    """Remove files that nothing refers to any more, once no job can write more of them."""
    if after_jobs_of and any(row["active"] for row in await jobs_of(after_jobs_of)):
        raise Retry(timedelta(seconds=5), "a job still writes files of the video")
    await wait_for_backup()
    store = storage()
    await store.delete(*keys)
    for prefix in prefixes:
        await store.delete_prefix(prefix)
