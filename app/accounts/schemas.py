"""Accounts and their pictures as PeerTube's JSON, built from the columns of a row.

The builders take any row whose columns carry a prefix (`account_id`, `account_name` …), so that a
list joins accounts in its one statement and pays nothing for an object in between.
"""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Protocol
from urllib.parse import urlsplit

from app.config import settings
from app.core.api import Schema, Timestamp, UploadedFile

#: What `account_summary` needs, for a statement that joins `account`.
ACCOUNT_SUMMARY_COLUMNS = """
    account.id AS account_id, account.name AS account_name, account.host AS account_host,
    account.display_name AS account_display_name, account.avatars AS account_avatars"""

#: What `account` needs.
ACCOUNT_COLUMNS = f"""{ACCOUNT_SUMMARY_COLUMNS},
    account.user_id AS account_user_id, account.description AS account_description,
    account.followers_count AS account_followers_count,
    account.following_count AS account_following_count,
    account.created_at AS account_created_at, account.updated_at AS account_updated_at"""


class Columns(Protocol):
    """A row: values by column name."""

    def __getitem__(self, column: str, /) -> Any:
        """The value of a column."""


class ActorImage(Schema):
    """One size of an avatar or a banner."""

    width: int
    height: int
    path: str
    file_url: str
    created_at: Timestamp
    updated_at: Timestamp


class AccountSummary(Schema):
    """An account as it stands beside a video."""

    id: int
    name: str
    display_name: str
    url: str
    host: str
    avatars: list[ActorImage]


class Account(AccountSummary):
    """An account on its own."""

    user_id: int | None
    description: str | None
    followers_count: int
    following_count: int
    host_redundancy_allowed: bool
    created_at: Timestamp
    updated_at: Timestamp


class Avatars(Schema):
    """The sizes of an avatar that was just set."""

    avatars: list[ActorImage]


class AvatarFile(Schema):
    """A picture to become an avatar."""

    avatarfile: UploadedFile


@lru_cache(maxsize=4)
def _split_site(public_url: str) -> tuple[str, str]:
    return public_url.rstrip("/"), urlsplit(public_url).netloc


def site_url() -> str:
    """The site's address without a slash at its end."""
    return _split_site(settings().site.public_url)[0]


def site_host() -> str:
    """The site's host as handles show it, with its port where that is unusual."""
    return _split_site(settings().site.public_url)[1]


def account_url(name: str, host: str | None = None) -> str:
    """The address by which other sites know an account."""
    return f"https://{host}/accounts/{name}" if host else f"{site_url()}/accounts/{name}"


def images(
    stored: str | Sequence[dict[str, Any]], folder: str, created_at: str
) -> list[dict[str, object]]:
    """The sizes of a stored picture as PeerTube's list of images.

    `stored` is the column (jsonb as text, or decoded), `folder` is `avatars` or `banners`;
    `created_at` stands in for sizes that do not tell their own.
    """
    sizes = json.loads(stored) if isinstance(stored, str) else stored
    made: list[dict[str, object]] = []
    for size in sizes:
        path = f"/lazy-static/{folder}/{size['filename']}"
        at = size.get("created_at", created_at)
        made.append(
            {
                "width": size["width"],
                "height": size["height"],
                "path": path,
                "fileUrl": site_url() + path,
                "createdAt": at,
                "updatedAt": at,
            }
        )
    return made


def timestamp(moment: datetime) -> str:
    """An instant as the API writes it, e.g. `2026-11-22T09:30:00.000Z`."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def now() -> str:
    """This instant as the API writes it."""
    return timestamp(datetime.now(UTC))


_NEVER = "1970-01-01T00:00:00.000Z"


def account_summary(row: Columns, prefix: str = "account_") -> dict[str, object]:
    """An `AccountSummary` from `ACCOUNT_SUMMARY_COLUMNS`."""
    name, host = row[f"{prefix}name"], row[f"{prefix}host"]
    return {
        "id": row[f"{prefix}id"],
        "name": name,
        "displayName": row[f"{prefix}display_name"],
        "url": account_url(name, host),
        "host": host or site_host(),
        "avatars": images(row[f"{prefix}avatars"], "avatars", _NEVER),
    }


def account(row: Columns, prefix: str = "account_") -> dict[str, object]:
    """An `Account` from `ACCOUNT_COLUMNS`."""
    return account_summary(row, prefix) | {
        "userId": row[f"{prefix}user_id"],
        "description": row[f"{prefix}description"],
        "followersCount": row[f"{prefix}followers_count"],
        "followingCount": row[f"{prefix}following_count"],
        "hostRedundancyAllowed": False,
        "createdAt": timestamp(row[f"{prefix}created_at"]),
        "updatedAt": timestamp(row[f"{prefix}updated_at"]),
    }
