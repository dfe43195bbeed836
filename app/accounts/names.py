"""What names, addresses and passwords may look like (PeerTube's rules), and handles."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from app.accounts.schemas import site_host

_EMAIL = re.compile(
    r"[^@\s,;<>()\[\]\\\"]{1,64}@(?:[^@\s.,;<>()]{1,63}\.)+[^@\s.,;<>()\d][^@\s.,;<>()]{1,62}"
)


def _email(text: str) -> str:
    if not _EMAIL.fullmatch(text):
        message = "is not an e-mail address"
        raise ValueError(message)
    return text


def _no_control_characters(text: str) -> str:
    if any(ord(character) < 32 for character in text):
        message = "must not have control characters"
        raise ValueError(message)
    return text


#: PeerTube: small letters, digits and `_`; inside also `.` and `-`
Username = Annotated[
    str,
    StringConstraints(
        min_length=1, max_length=50, pattern=r"^[a-z0-9_]+([a-z0-9_.-]+[a-z0-9_]+)?$"
    ),
]
ChannelName = Annotated[
    str, StringConstraints(min_length=1, max_length=50, pattern=r"^[a-zA-Z0-9\-_.:]+$")
]
Password = Annotated[str, StringConstraints(min_length=6, max_length=255)]
Email = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=3, max_length=254),
    AfterValidator(_email),
    Field(json_schema_extra={"format": "email"}),
]
DisplayName = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=120),
    AfterValidator(_no_control_characters),
]
#: what an account or a channel says about itself, in Markdown
Description = Annotated[str, StringConstraints(min_length=3, max_length=1000)]
#: bytes, -1 is no limit
Quota = Annotated[int, Field(ge=-1, le=2**63 - 1)]


def split_handle(handle: str) -> tuple[str, str | None]:
    """A handle's name and host; the host is None for this site, however it was written.

    Takes `name`, `@name`, `name@host` and `@name@host`.
    """
    name, _, host = handle.removeprefix("@").partition("@")
    return name, None if not host or host.lower() == site_host().lower() else host.lower()
