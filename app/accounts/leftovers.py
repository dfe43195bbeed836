"""Removes pictures that nothing shows any more."""

from app.core.jobs import JobContext, job
from app.core.storage import storage


@job("accounts.remove_pictures")
async def remove_pictures(_: JobContext, *, keys: list[str]) -> None:
    """Remove the files of an avatar or a banner."""
    await storage().delete(*keys)
