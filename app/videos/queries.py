"""All reads of videos: cards for lists, one video with everything, who may see it.

A list is one statement. Its inner select walks an index of the sort key and picks ids only; names,
pictures and channels are joined for the few rows of the page.
"""

from collections.abc import Sequence
from uuid import UUID

from app.accounts.schemas import ACCOUNT_SUMMARY_COLUMNS
from app.channels.schemas import CHANNEL_COLUMNS, CHANNEL_SUMMARY_COLUMNS
from app.core.auth import Actor
from app.core.db import Row, fetch, fetchrow
from app.core.errors import ForbiddenError, NotFoundError
from app.core.ids import parse_uuid
from app.core.pagination import counted
from app.videos.access import Facts, ensure_may_see, manages
from app.videos.filters import Conditions, Scope, VideoFilter, conditions, order_by
from app.videos.models import Privacy, VideoState

#: What a card shows. `thumbnail` and `preview` are file names, the smallest and the largest.
VIDEO_COLUMNS = """
    video.id, video.uuid, video.name, video.duration, video.aspect_ratio, video.views, video.likes,
    video.dislikes, video.comments_count, video.privacy, video.state, video.nsfw, video.nsfw_flags,
    video.nsfw_summary, video.category, video.licence, video.language, video.wait_transcoding,
    left(video.description, 250) AS truncated_description, video.thumbnails,
    video.thumbnails->0->>'filename' AS thumbnail, video.thumbnails->-1->>'filename' AS preview,
    video.error, video.error_code, video.created_at, video.updated_at, video.published_at,
    video.originally_published_at"""
CARD_COLUMNS = f"{VIDEO_COLUMNS}, {CHANNEL_SUMMARY_COLUMNS}, {ACCOUNT_SUMMARY_COLUMNS}"

#: A video with its channel, its account and its files, whoever asks.
DETAIL = f"""
SELECT {VIDEO_COLUMNS}, video.description, video.support, video.tags, video.comments_policy,
    video.download_enabled, video.storyboard, video.playlist, video.file_secret,
    {CHANNEL_COLUMNS}, account.user_id AS owner_id,
    (SELECT coalesce(jsonb_agg(rendition ORDER BY resolution DESC, id), '[]')
       FROM rendition WHERE rendition.video_id = video.id) AS renditions
FROM video JOIN channel ON channel.id = video.channel_id
    JOIN account ON account.id = channel.account_id
WHERE {{key}} = $1"""

#: The passwords of a video, oldest first.
PASSWORDS = """
SELECT id, video_id, password, created_at, updated_at FROM video_password
WHERE video_id = $1 ORDER BY id"""

#: What decides who may see the files of a video.
FACTS = """
SELECT video.id, video.privacy, video.state, video.file_secret, video.download_enabled,
    account.user_id AS owner_id,
    CASE WHEN video.privacy = 5 THEN
        ARRAY(SELECT password FROM video_password WHERE video_id = video.id)
        ELSE '{}' END AS passwords
FROM video JOIN channel ON channel.id = video.channel_id
    JOIN account ON account.id = channel.account_id
WHERE video.uuid = $1"""


async def list_videos(wanted: VideoFilter, viewer: Actor | None) -> Sequence[Row]:
    """The cards of one page of a list, in one statement.

    Raises InvalidError for an unknown sort key, ForbiddenError for what only moderators may list.
    """
    sql, arguments = list_statement(wanted, viewer)
    return await fetch(sql, *arguments)


async def count_videos(wanted: VideoFilter, viewer: Actor | None) -> int:
    """How many videos the whole list has; remembered for a while where counting is slow."""
    where = conditions(wanted, viewer)
    tables = "video"
    if owner := _account(wanted, viewer):
        tables = "video JOIN channel ON channel.id = video.channel_id"
        where.add("channel.account_id = {}", owner)
    return await counted(f"SELECT count(*) FROM {tables} WHERE {where.where()}", *where.arguments)


def list_statement(wanted: VideoFilter, viewer: Actor | None) -> tuple[str, list[object]]:
    """The SQL of a list and its arguments (the benchmark explains it, too)."""
    where = conditions(wanted, viewer)
    order = order_by(wanted.sort)
    page = _page(where, order, wanted, viewer)
    return (
        f"""SELECT {CARD_COLUMNS}
        FROM ({page}) page JOIN video ON video.id = page.id
        JOIN channel ON channel.id = video.channel_id
        JOIN account ON account.id = channel.account_id
        ORDER BY {order}""",
        where.arguments,
    )


def _account(wanted: VideoFilter, viewer: Actor | None) -> int | None:
    """The account whose channels a list is about, None for any channel."""
    if wanted.scope is Scope.ACCOUNT:
        return wanted.account_id
    if wanted.scope is Scope.MINE:
        if viewer is None:
            raise ForbiddenError("Only somebody who is logged in has videos.")
        return viewer.account_id
    return None


def _page(where: Conditions, order: str, wanted: VideoFilter, viewer: Actor | None) -> str:
    """The ids of the page. An account's are merged from the newest of each of its channels."""
    owner = _account(wanted, viewer)
    # A number of our own rather than a parameter: PostgreSQL then keeps the plan of a first page
    # (planning takes longer than running it), and knows that few rows are wanted.
    count = int(wanted.count)
    limit = f"LIMIT {count}"
    if wanted.start:
        limit += f" OFFSET {where.argument(wanted.start)}::bigint"
    if owner is None:
        return f"SELECT video.id FROM video WHERE {where.where()} ORDER BY {order} {limit}"
    return f"""SELECT video.id FROM channel CROSS JOIN LATERAL (
            SELECT * FROM video WHERE video.channel_id = channel.id AND {where.where()}
            ORDER BY {order} LIMIT {count} + {where.argument(wanted.start)}::bigint) video
        WHERE channel.account_id = {where.argument(owner)}
        ORDER BY {order} {limit}"""


async def get_video(
    reference: str,
    viewer: Actor | None,
    *,
    password: str | None = None,
    file_token: str | None = None,
) -> Row:
    """A video by its id, uuid or short uuid: one statement, two where it has passwords.

    Raises NotFoundError, UnauthenticatedError or ForbiddenError (see `access.ensure_may_see`).
    """
    row = await find_video(reference)
    facts = await facts_of(row)
    ensure_not_guessed(reference, facts, viewer)
    ensure_may_see(facts, viewer, password=password, file_token=file_token)
    return row


def ensure_not_guessed(reference: str, facts: Facts, viewer: Actor | None) -> None:
    """An unlisted video is not there by its id, which can be guessed. Raises NotFoundError."""
    if facts.privacy is Privacy.UNLISTED and reference.isdecimal() and not manages(facts, viewer):
        raise NotFoundError("There is no such video.")


async def get_own_video(reference: str, viewer: Actor) -> Row:
    """A video that the viewer may change: its own, or any for a moderator.

    Raises NotFoundError or ForbiddenError.
    """
    row = await find_video(reference)
    facts = await facts_of(row)
    if not manages(facts, viewer):
        ensure_may_see(facts, viewer)
        raise ForbiddenError("This video belongs to somebody else.")
    return row


async def find_video(reference: str) -> Row:
    """A video, whoever asks. Raises NotFoundError."""
    row = None
    if reference.isascii() and reference.isdecimal() and len(reference) < 19:
        row = await fetchrow(DETAIL.format(key="video.id"), int(reference))
    elif uuid := parse_uuid(reference):
        row = await fetchrow(DETAIL.format(key="video.uuid"), uuid)
    if row is None:
        raise NotFoundError("There is no such video.")
    return row


async def facts_of(row: Row) -> Facts:
    """What decides who may see this video; reads its passwords where it has some."""
    privacy = Privacy(row["privacy"])
    passwords: tuple[str, ...] = ()
    if privacy is Privacy.PASSWORD_PROTECTED:
        passwords = tuple(each["password"] for each in await list_passwords(row["id"]))
    return Facts(
        privacy=privacy,
        state=VideoState(row["state"]),
        owner_id=row["owner_id"],
        file_secret=bytes(row["file_secret"]),
        passwords=passwords,
        download_enabled=row["download_enabled"],
    )


async def facts_by_uuid(uuid: UUID) -> Facts | None:
    """What decides who may see the files of a video, None when there is none."""
    row = await fetchrow(FACTS, uuid)
    if row is None:
        return None
    return Facts(
        privacy=Privacy(row["privacy"]),
        state=VideoState(row["state"]),
        owner_id=row["owner_id"],
        file_secret=bytes(row["file_secret"]),
        passwords=tuple(row["passwords"]),
        download_enabled=row["download_enabled"],
    )


async def list_passwords(video_id: int) -> Sequence[Row]:
    """The passwords of a video, oldest first."""
    return await fetch(PASSWORDS, video_id)
