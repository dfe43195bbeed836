"""Sweeps away sessions and one-time tokens that are no longer good."""

from app.core.db import execute
from app.core.jobs import JobContext, job

_SESSIONS = "DELETE FROM session WHERE coalesce(refresh_expires_at, access_expires_at) < now()"
_TOKENS = "DELETE FROM one_time_token WHERE expires_at < now()"


@job("sessions.sweep")
async def sweep(_: JobContext) -> None:
    """Remove what has expired."""
    await execute(_SESSIONS)
    await execute(_TOKENS)
