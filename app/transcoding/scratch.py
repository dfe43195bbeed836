"""Scratch folders of jobs on this host: empty when an attempt begins, gone when it ends.

What a killed attempt left is removed by the job's next attempt here, or by whichever job comes by
an hour later.
"""

import asyncio
import contextlib
import shutil
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Final
from uuid import UUID

from app.config import settings
from app.core.db import fetch
from app.core.ids import parse_uuid
from app.core.jobs import JobContext

ABANDONED_SECONDS: Final = 3600
#: Which of these jobs run somewhere.
_RUNNING: Final = (
    "SELECT id FROM job WHERE id = ANY($1) AND (state = 'running' OR lease_until > now())"
)


def _folder() -> Path:
    return settings().storage.work / "jobs"


@contextlib.asynccontextmanager
async def work_folder(ctx: JobContext) -> AsyncIterator[Path]:
    """A new folder for one attempt at a job."""
    await remove_abandoned()
    path = _folder() / str(ctx.id)
    await asyncio.to_thread(_renew, path)
    try:
        yield path
    finally:
        await asyncio.to_thread(shutil.rmtree, path, ignore_errors=True)


async def remove_abandoned(*, older_than: float = ABANDONED_SECONDS) -> int:
    """Remove folders of jobs that no longer run, untouched for so many seconds; gives how many."""
    found = await asyncio.to_thread(_older_than, time.time() - older_than)
    if not found:
        return 0
    running = {row["id"] for row in await fetch(_RUNNING, [job_id for job_id, _ in found])}
    gone = [path for job_id, path in found if job_id not in running]
    for path in gone:
        await asyncio.to_thread(shutil.rmtree, path, ignore_errors=True)
    return len(gone)


def _renew(path: Path) -> None:
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)


def _older_than(moment: float) -> Sequence[tuple[UUID, Path]]:
    found = []
    with contextlib.suppress(FileNotFoundError):
        for path in _folder().iterdir():
            job_id = parse_uuid(path.name)
            with contextlib.suppress(FileNotFoundError):
                if job_id is not None and path.stat().st_mtime < moment:
                    found.append((job_id, path))
    return found
