"""Removes pictures that nothing shows any more."""

from app.backup.hold import ATTEMPTS, wait_for_backup
from app.core.jobs import JobContext, job
from app.core.storage import storage


@job("accounts.remove_pictures", max_attempts=ATTEMPTS)
async def remove_pictures(_: JobContext, *, keys: list[str]) -> None:
    """Remove the files of an avatar or a banner."""
    await wait_for_backup()
    await storage().delete(*keys)
