"""What uploads owe: those that nobody went on with are removed."""

import asyncio
import contextlib
import shutil
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from app.config import settings
from app.core.jobs import JobContext, job
from app.core.storage_disk import UNFINISHED
from app.uploads import service

#: A file without a row is young when its upload begins right now.
YOUNG_SECONDS: Final = 3600
#: No request, and no move of a file, lasts so long.
HALF_WRITTEN_SECONDS: Final = 24 * 3600


@job("uploads.remove_stale")
async def remove_stale_uploads(_: JobContext) -> None:
    """Remove expired uploads, and what this host has of uploads that no longer exist."""
    await service.remove_stale(datetime.now(UTC))
    await service.sweep_scratch(older_than=YOUNG_SECONDS)
    await asyncio.to_thread(remove_half_written, older_than=HALF_WRITTEN_SECONDS)


def remove_half_written(*, older_than: float) -> None:
    """Remove what requests and moves into storage had not finished when a process was killed."""
    configured = settings().storage
    for folder in (configured.work / "forms", configured.root / UNFINISHED):
        with contextlib.suppress(FileNotFoundError):
            for path in folder.iterdir():
                if time.time() - path.stat().st_mtime >= older_than:
                    _remove(path)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
