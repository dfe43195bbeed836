"""What uploads owe: those that nobody went on with are removed."""

import asyncio
import contextlib
import shutil
import time
from datetime import UTC, datetime, timedelta
from typing import Final

from app.config import settings
from app.core.jobs import JobContext, job
from app.core.storage import storage
from app.uploads import scratch, service

#: No request, and no move of a file, lasts so long.
HALF_DONE: Final = timedelta(days=1)


@job("uploads.remove_stale")
async def remove_stale_uploads(_: JobContext) -> None:
    """Remove expired uploads, and what this host has of uploads that no longer exist."""
    await service.remove_stale(datetime.now(UTC))
    await service.sweep_scratch(older_than=scratch.YOUNG_SECONDS)
    await asyncio.to_thread(remove_half_read, older_than=HALF_DONE.total_seconds())
    await storage().remove_unfinished(older_than=HALF_DONE)


def remove_half_read(*, older_than: float) -> None:
    """Remove the files of forms that were being read when a process was killed."""
    for folder in (settings().storage.work / "forms").glob("*"):
        with contextlib.suppress(FileNotFoundError):
            if time.time() - folder.stat().st_mtime >= older_than:
                shutil.rmtree(folder, ignore_errors=True)
