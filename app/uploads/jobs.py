"""What uploads owe: those that nobody went on with are removed."""

import shutil
import time
from datetime import UTC, datetime
from typing import Final

from app.config import settings
from app.core.jobs import JobContext, job
from app.uploads import service

#: A file without a row is young when its upload begins right now.
YOUNG_SECONDS: Final = 3600
#: Forms of requests that were cut off by a crash; no request lasts so long.
FORM_SECONDS: Final = 24 * 3600


@job("uploads.remove_stale")
async def remove_stale_uploads(_: JobContext) -> None:
    """Remove expired uploads, and what this host has of uploads that no longer exist."""
    await service.remove_stale(datetime.now(UTC))
    await service.sweep_scratch(older_than=YOUNG_SECONDS)
    _remove_old_forms()


def _remove_old_forms() -> None:
    folder = settings().storage.work / "forms"
    if not folder.is_dir():
        return
    for path in folder.iterdir():
        if time.time() - path.stat().st_mtime > FORM_SECONDS:
            shutil.rmtree(path, ignore_errors=True)
