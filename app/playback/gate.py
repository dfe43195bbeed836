"""Who may fetch a video's files, asked hundreds of times an hour by each viewer.

What was found out is believed for two seconds in this process: a busy video costs the database one
statement in that time, however many watch it, and a change of privacy takes effect as fast.
"""

import time
from collections.abc import Hashable
from typing import Generic, TypeVar
from uuid import UUID

from aiohttp import web

from app.core.auth import access_token, current_actor
from app.core.errors import NotFoundError
from app.videos import queries
from app.videos.access import Facts, ensure_may_download, ensure_may_see, file_cookie
from app.videos.models import Privacy, VideoState

SECONDS = 2.0
MOST = 10_000
PASSWORD_HEADER = "x-peertube-video-password"  # noqa: S105 - a header's name

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class ShortMemory(Generic[Key, Value]):
    """Values that are forgotten after `SECONDS`, and all at once when they are too many."""

    def __init__(self) -> None:
        self._known: dict[Key, tuple[float, Value]] = {}

    def get(self, key: Key) -> Value | None:
        """The value, None when it is not known or no longer believed."""
        ends, value = self._known.get(key, (0.0, None))
        return value if ends > time.monotonic() else None

    def put(self, key: Key, value: Value) -> None:
        """Remember a value."""
        if len(self._known) >= MOST:
            self._known.clear()
        self._known[key] = (time.monotonic() + SECONDS, value)

    def clear(self) -> None:
        """Forget everything."""
        self._known.clear()


#: False stands for a video that does not exist.
_facts: ShortMemory[UUID, Facts | bool] = ShortMemory()
#: What was let through, by video and by everything that the asker showed.
_let_through: ShortMemory[tuple[UUID, tuple[str, ...]], bool] = ShortMemory()


def forget() -> None:
    """Forget what was found out (for tests)."""
    _facts.clear()
    _let_through.clear()


def is_open(facts: Facts) -> bool:
    """Whether anybody may fetch the files, so that shared caches may keep them."""
    return facts.state is VideoState.PUBLISHED and facts.privacy in {
        Privacy.PUBLIC,
        Privacy.UNLISTED,
    }


async def pass_gate(request: web.Request, uuid: UUID) -> Facts:
    """What decides who may fetch the files of a video, once this asker may.

    Raises NotFoundError, UnauthenticatedError, ForbiddenError.
    """
    facts = await _known_facts(uuid)
    if is_open(facts):
        return facts
    shown = _shown(request, uuid)
    if _let_through.get((uuid, shown)):
        return facts
    _, file_token, cookie, password = shown
    viewer = await current_actor(request)
    ensure_may_see(
        facts,
        viewer,
        password=password or cookie or None,
        file_token=file_token or cookie or None,
    )
    _let_through.put((uuid, shown), True)
    return facts


async def pass_download_gate(request: web.Request, uuid: UUID) -> Facts:
    """As `pass_gate`, for an asker who means to keep the files. Raises ForbiddenError, too."""
    facts = await pass_gate(request, uuid)
    if not facts.download_enabled:
        ensure_may_download(facts, await current_actor(request))
    return facts


async def _known_facts(uuid: UUID) -> Facts:
    known = _facts.get(uuid)
    if known is None:
        known = await queries.facts_by_uuid(uuid) or False
        _facts.put(uuid, known)
    if isinstance(known, bool):
        raise NotFoundError("There is no such file.")
    return known


def _shown(request: web.Request, uuid: UUID) -> tuple[str, str, str, str]:
    """Access token, file token, the page's cookie for this video, password; empty where absent."""
    token = access_token(request)
    return (
        token[0] if token else "",
        request.query.get("videoFileToken", ""),
        request.cookies.get(file_cookie(uuid), ""),
        request.headers.get(PASSWORD_HEADER, "") or request.query.get("videoPassword", ""),
    )
