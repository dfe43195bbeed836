"""Videos as they stand in PeerTube's lists, made from the rows of `queries.list_videos`.

This is the hottest loop of the site: what repeats from row to row (channels, accounts, labels) is
encoded once and passed on as raw JSON.
"""

from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from typing import Any

import msgspec

from app.accounts.schemas import Columns, account_summary, site_url
from app.channels.schemas import channel_summary
from app.core.ids import short
from app.videos.vocabulary import CATEGORIES, LANGUAGES, LICENCES, PRIVACIES, STATES, UNKNOWN

#: PeerTube cuts descriptions in lists to so many characters.
TRUNCATED_LENGTH = 250

Json = dict[str, object]
_encoder = msgspec.json.Encoder()


def video_json(rows: Iterable[Columns], total: int | None) -> bytes:
    """PeerTube's `{total, data}` of a page of videos; without a total where that is None."""
    data = [video_summary(row) for row in rows]
    return _encoder.encode({"data": data} if total is None else {"total": total, "data": data})


def video_summary(row: Columns) -> Json:
    """PeerTube's `Video` from `queries.CARD_COLUMNS`."""
    return video_fields(row) | {
        "account": _account(
            row["account_id"],
            row["account_name"],
            row["account_host"],
            row["account_display_name"],
            row["account_avatars"],
            site_url(),
        ),
        "channel": _channel(
            row["channel_id"],
            row["channel_name"],
            row["channel_host"],
            row["channel_display_name"],
            row["channel_avatars"],
            site_url(),
        ),
    }


def video_fields(row: Columns) -> Json:
    """What lists and the detail both say about a video, without its channel and account."""
    uuid = str(row["uuid"])
    created_at = row["created_at"]
    return {
        "id": row["id"],
        "uuid": uuid,
        "shortUUID": short(row["uuid"]),
        "url": f"{site_url()}/videos/watch/{uuid}",
        "name": row["name"],
        "category": _constant(CATEGORIES, row["category"]),
        "licence": _constant(LICENCES, row["licence"]),
        "language": _constant(LANGUAGES, row["language"]),
        "privacy": _constant(PRIVACIES, row["privacy"]),
        "state": _constant(STATES, row["state"]),
        "waitTranscoding": row["wait_transcoding"],
        "nsfw": row["nsfw"],
        "nsfwFlags": row["nsfw_flags"],
        "nsfwSummary": row["nsfw_summary"],
        "truncatedDescription": truncated(row["truncated_description"]),
        "isLocal": True,
        "isLive": False,
        "liveSchedules": [],
        "duration": round(row["duration"]),
        "aspectRatio": row["aspect_ratio"],
        "views": row["views"],
        "viewers": 0,
        "likes": row["likes"],
        "dislikes": row["dislikes"],
        "comments": row["comments_count"],
        "thumbnailPath": thumbnail_path(row["thumbnail"]),
        "previewPath": preview_path(row["preview"]),
        "embedPath": f"/videos/embed/{uuid}",
        "createdAt": timestamp(created_at),
        "updatedAt": timestamp(row["updated_at"]),
        "publishedAt": timestamp(row["published_at"] or created_at),
        "originallyPublishedAt": maybe_timestamp(row["originally_published_at"]),
        "scheduledUpdate": None,
        "blacklisted": False,
        "blacklistedReason": None,
        "userHistory": None,
    }


def truncated(description: str | None) -> str | None:
    """The beginning of a description, with an ellipsis where it was cut."""
    if description is None or len(description) < TRUNCATED_LENGTH:
        return description
    return description[: TRUNCATED_LENGTH - 3] + "..."


def thumbnail_path(filename: str | None) -> str | None:
    """Where the small picture is, below the site's address."""
    return f"/lazy-static/thumbnails/{filename}" if filename else None


def preview_path(filename: str | None) -> str | None:
    """Where the large picture is, below the site's address."""
    return f"/lazy-static/previews/{filename}" if filename else None


def timestamp(moment: datetime) -> str:
    """A moment of the database (UTC) in JavaScript's spelling."""
    return moment.isoformat(timespec="milliseconds")[:-6] + "Z"


def maybe_timestamp(moment: datetime | None) -> str | None:
    """`timestamp`, None for none."""
    return timestamp(moment) if moment else None


def _constant(labels: dict[Any, str], number: int | str | None) -> msgspec.Raw:
    """PeerTube's `{id, label}` of a category, licence, language, privacy or state."""
    return _encoded_constant(number, labels.get(number, UNKNOWN))


@lru_cache(maxsize=1024)
def _encoded_constant(number: int | str | None, label: str) -> msgspec.Raw:
    return msgspec.Raw(_encoder.encode({"id": number, "label": label}))


@lru_cache(maxsize=4096)
def _account(*columns: object) -> msgspec.Raw:
    """An account in short, encoded. The site's address is an argument since it is in the result."""
    return _actor("account_", account_summary, columns)


@lru_cache(maxsize=4096)
def _channel(*columns: object) -> msgspec.Raw:
    return _actor("channel_", channel_summary, columns)


def _actor(prefix: str, build: Any, columns: tuple[object, ...]) -> msgspec.Raw:
    names = ("id", "name", "host", "display_name", "avatars")
    row = {prefix + name: value for name, value in zip(names, columns[:5], strict=True)}
    return msgspec.Raw(_encoder.encode(build(row)))
