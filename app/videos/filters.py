"""Which videos a list shows, in which order, as the WHERE and ORDER BY of its one statement.

Only words from this file become SQL; what a visitor sends is always a parameter.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from app.core.auth import Actor
from app.core.errors import ForbiddenError, InvalidError
from app.videos.models import Privacy

#: PeerTube's sort keys, and the columns they stand for. `best` is `hot` until there is a history.
SORT_COLUMNS = {
    "id": "id",
    "name": "name",
    "duration": "duration",
    "createdAt": "created_at",
    "updatedAt": "updated_at",
    "publishedAt": "published_at",
    "originallyPublishedAt": "originally_published_at",
    "views": "views",
    "likes": "likes",
    "comments": "comments_count",
    "trending": "trending_score",
    "hot": "hot_score",
    "best": "hot_score",
}

#: PeerTube's name for "no language was given".
UNKNOWN_LANGUAGE = "_unknown"


class Scope(StrEnum):
    """Whose videos a list is about."""

    PUBLIC = "public"
    CHANNEL = "channel"
    ACCOUNT = "account"
    #: everything the viewer owns, in every state and privacy
    MINE = "mine"


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoFilter:
    """What PeerTube's list parameters ask for; empty means no restriction."""

    scope: Scope = Scope.PUBLIC
    channel_id: int | None = None
    account_id: int | None = None
    #: part of the name; full text is `app.search`
    search: str | None = None
    categories: tuple[int, ...] = ()
    licences: tuple[int, ...] = ()
    languages: tuple[str, ...] = ()
    tags_one_of: tuple[str, ...] = ()
    tags_all_of: tuple[str, ...] = ()
    #: True: only those, False: none of those, None: both
    nsfw: bool | None = False
    nsfw_flags_included: int = 0
    nsfw_flags_excluded: int = 0
    is_live: bool | None = None
    is_local: bool | None = None
    host: str | None = None
    has_hls: bool | None = None
    channel_names: tuple[str, ...] = ()
    uuids: tuple[UUID, ...] = ()
    published_after: datetime | None = None
    published_before: datetime | None = None
    originally_published_after: datetime | None = None
    originally_published_before: datetime | None = None
    #: seconds
    duration_min: float | None = None
    duration_max: float | None = None
    #: of moderators: these privacies rather than what anybody may see
    privacies: tuple[Privacy, ...] = ()
    #: of moderators: also videos that are not published yet
    unpublished: bool = False
    sort: str = "-publishedAt"
    start: int = 0
    count: int = 15


@dataclass(slots=True)
class Conditions:
    """The parts of a WHERE clause and their arguments, numbered as they come."""

    parts: list[str] = field(default_factory=list)
    arguments: list[object] = field(default_factory=list)

    def add(self, part: str, *arguments: object) -> None:
        """Append a part; each `{}` in it becomes the number of the next argument."""
        self.parts.append(part.format(*(self.argument(value) for value in arguments)))

    def argument(self, value: object) -> str:
        """Remember an argument; gives its placeholder."""
        self.arguments.append(value)
        return f"${len(self.arguments)}"

    def where(self) -> str:
        """The whole clause."""
        return " AND ".join(self.parts) or "true"


def order_by(sort: str, alias: str = "video") -> str:
    """The ORDER BY of a sort key, which an index of the same two columns serves both ways.

    Raises InvalidError for a key that is not PeerTube's.
    """
    descending = sort.startswith("-")
    column = SORT_COLUMNS.get(sort.removeprefix("-"))
    if column is None:
        raise InvalidError(f"Videos cannot be sorted by {sort[:40]!r}.", field="sort")
    direction = "DESC" if descending else "ASC"
    if column == "id":
        return f"{alias}.id {direction}"
    return f"{alias}.{column} {direction}, {alias}.id {direction}"


def conditions(wanted: VideoFilter, viewer: Actor | None) -> Conditions:
    """What a video must be to stand in the list, the viewer's rights included."""
    where = Conditions()
    _may_be_listed(where, wanted, viewer)
    _scope(where, wanted)
    _metadata(where, wanted)
    _ranges(where, wanted)
    return where


def _may_be_listed(where: Conditions, wanted: VideoFilter, viewer: Actor | None) -> None:
    """Literals, not parameters: the partial indexes of lists match them at planning time."""
    everything = wanted.scope is Scope.MINE or bool(viewer and viewer.is_moderator)
    if (wanted.privacies or wanted.unpublished) and not everything:
        raise ForbiddenError("Only moderators may list videos that are not public.")
    if wanted.scope is not Scope.MINE and not wanted.unpublished:
        where.add("video.state = 1")
    if wanted.privacies:
        where.add("video.privacy = ANY({}::int[])", [int(each) for each in wanted.privacies])
    elif wanted.scope is not Scope.MINE:
        where.add("video.privacy IN (1, 4)" if viewer else "video.privacy = 1")


def _scope(where: Conditions, wanted: VideoFilter) -> None:
    if wanted.scope is Scope.CHANNEL:
        where.add("video.channel_id = {}", wanted.channel_id)
    if wanted.channel_names:
        where.add(
            "video.channel_id IN (SELECT id FROM channel WHERE host IS NULL"
            " AND lower(name) = ANY({}::text[]))",
            [name.lower() for name in wanted.channel_names],
        )
    if wanted.is_local is not None or wanted.host:
        # every video is from here until there is federation
        here = wanted.is_local is not False and not wanted.host
        where.add("true" if here else "false")
    if wanted.is_live:
        where.add("false")  # no live streams yet
    if wanted.has_hls is not None:
        where.add("video.playlist IS NOT NULL" if wanted.has_hls else "video.playlist IS NULL")
    if wanted.uuids:
        where.add("video.uuid = ANY({}::uuid[])", list(wanted.uuids))


def _metadata(where: Conditions, wanted: VideoFilter) -> None:
    if wanted.search:
        pattern = wanted.search.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        where.add("plain(video.name) LIKE plain({})", f"%{pattern}%")
    if wanted.categories:
        where.add("video.category = ANY({}::int[])", list(wanted.categories))
    if wanted.licences:
        where.add("video.licence = ANY({}::int[])", list(wanted.licences))
    if wanted.languages:
        known = [language for language in wanted.languages if language != UNKNOWN_LANGUAGE]
        unknown = " OR video.language IS NULL" if len(known) < len(wanted.languages) else ""
        where.add(f"(video.language = ANY({{}}::text[]){unknown})", known)
    if wanted.tags_one_of:
        where.add("lower(video.tags::text)::jsonb ?| {}::text[]", _lowered(wanted.tags_one_of))
    if wanted.tags_all_of:
        where.add("lower(video.tags::text)::jsonb ?& {}::text[]", _lowered(wanted.tags_all_of))
    if wanted.nsfw is not None:
        where.add("video.nsfw" if wanted.nsfw else "NOT video.nsfw")
    if wanted.nsfw_flags_included:
        where.add("video.nsfw_flags & {}::int <> 0", wanted.nsfw_flags_included)
    if wanted.nsfw_flags_excluded:
        where.add("video.nsfw_flags & {}::int = 0", wanted.nsfw_flags_excluded)


def _ranges(where: Conditions, wanted: VideoFilter) -> None:
    for part, bound in (
        ("video.published_at >= {}", wanted.published_after),
        ("video.published_at <= {}", wanted.published_before),
        ("video.originally_published_at >= {}", wanted.originally_published_after),
        ("video.originally_published_at <= {}", wanted.originally_published_before),
        ("video.duration >= {}", wanted.duration_min),
        ("video.duration <= {}", wanted.duration_max),
    ):
        if bound is not None:
            where.add(part, bound)


def _lowered(tags: tuple[str, ...]) -> list[str]:
    return [tag.lower() for tag in tags]
