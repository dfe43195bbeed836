"""Who may see a video, the one rule for its page, its JSON and its files, and who may keep it."""

import hmac
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from hashlib import sha256
from uuid import UUID

from app.core.auth import Actor
from app.core.errors import ForbiddenError, NotFoundError, UnauthenticatedError
from app.core.ids import short
from app.videos.models import Privacy, VideoState

#: How long a token of a video's files is good for; PeerTube's is four hours too.
FILE_TOKEN_SECONDS = 4 * 3600


@dataclass(frozen=True, slots=True)
class Facts:
    """What decides who may see a video. `owner_id` is the user's, None for a remote video."""

    privacy: Privacy
    state: VideoState
    owner_id: int | None
    file_secret: bytes
    passwords: tuple[str, ...] = ()
    download_enabled: bool = True


def manages(facts: Facts, viewer: Actor | None) -> bool:
    """Whether the video is the viewer's own, or the viewer moderates the site."""
    return viewer is not None and (viewer.user_id == facts.owner_id or viewer.is_moderator)


def ensure_may_see(
    facts: Facts,
    viewer: Actor | None,
    *,
    password: str | None = None,
    file_token: str | None = None,
) -> None:
    """Nothing when the viewer may see the video, else the error to answer with.

    Raises NotFoundError for what is not published, UnauthenticatedError or ForbiddenError for what
    is closed, with PeerTube's codes where a password is asked for.
    """
    if manages(facts, viewer) or (file_token and file_token_is_good(facts, file_token)):
        return
    if facts.state is not VideoState.PUBLISHED:
        raise NotFoundError("There is no such video.")
    if facts.privacy in {Privacy.PUBLIC, Privacy.UNLISTED}:
        return
    if facts.privacy is Privacy.PASSWORD_PROTECTED:
        _ensure_password(facts, password)
    elif viewer is None:
        raise UnauthenticatedError("You must be logged in to see this video.")
    elif facts.privacy is not Privacy.INTERNAL:
        raise ForbiddenError("This video is private.")


def ensure_may_download(facts: Facts, viewer: Actor | None) -> None:
    """Nothing when somebody who may see the video may keep it, too. Raises ForbiddenError."""
    if not may_download(facts, viewer):
        raise ForbiddenError("This video may not be downloaded.")


def may_download(facts: Facts, viewer: Actor | None) -> bool:
    """Whether somebody who may see the video may keep it, too."""
    return facts.download_enabled or manages(facts, viewer)


def _ensure_password(facts: Facts, password: str | None) -> None:
    if password is None:
        raise ForbiddenError("This video opens with a password.", code="video_requires_password")
    given = password.encode()
    if not any(hmac.compare_digest(given, known.encode()) for known in facts.passwords):
        raise ForbiddenError("This is not the video's password.", code="incorrect_video_password")


def file_cookie(uuid: UUID) -> str:
    """The cookie that carries a browser's file token of a password-protected video."""
    return f"kinora_video_{short(uuid)}"


def new_file_token(facts: Facts, *, now: float | None = None) -> tuple[str, float]:
    """A token that opens the video's files, and when it ends (seconds since 1970)."""
    expires = int((time.time() if now is None else now) + FILE_TOKEN_SECONDS)
    return _signed(facts.file_secret, expires), float(expires)


def file_token_is_good(facts: Facts, token: str, *, now: float | None = None) -> bool:
    """Whether the token was made for this video, has not ended and was not withdrawn since."""
    try:
        expires = int.from_bytes(urlsafe_b64decode(token.encode() + b"==")[:5], "big")
    except ValueError:
        return False
    return expires > (time.time() if now is None else now) and hmac.compare_digest(
        _signed(facts.file_secret, expires).encode(), token.encode()
    )


def _signed(secret: bytes, expires: int) -> str:
    stamp = expires.to_bytes(5, "big")
    return urlsafe_b64encode(stamp + _mac(secret, stamp)).decode().rstrip("=")


def _mac(secret: bytes, message: bytes) -> bytes:
    """The first 19 bytes of an HMAC-SHA-256: with the five of the time a token of 32 characters."""
    return hmac.new(secret, message, sha256).digest()[:19]
