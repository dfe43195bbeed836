"""Lists: what stands in them, in which order, how many statements they take."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.core.auth import Actor, Role
from app.core.errors import ForbiddenError, InvalidError
from app.core.pagination import forget_totals
from app.videos import queries
from app.videos.filters import SORT_COLUMNS, Scope, VideoFilter
from app.videos.models import Privacy, Video, VideoState
from tests.factories import account_of, channel_of, make_channel, make_user, make_video

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
MaxQueries = Callable[[int], AbstractContextManager[Any]]


@pytest.fixture(autouse=True)
def fresh_totals() -> None:
    forget_totals()


def viewer_of(user: Any, role: Role = Role.USER) -> Actor:
    return Actor(
        user_id=user.id,
        account_id=user.account.id,
        username=user.username,
        display_name=user.username,
        role=role,
        session_id=1,
        kind="bearer",
    )


async def names(wanted: VideoFilter, viewer: Actor | None = None) -> list[str]:
    rows = [row["name"] for row in await queries.list_videos(wanted, viewer)]
    if wanted.start == 0 and wanted.count >= 15:
        assert await queries.count_videos(wanted, viewer) == len(rows)
    return rows


async def make_all_kinds(owner: Any) -> None:
    """A video of each privacy and each state, named after it."""
    for privacy in Privacy:
        password = "secret" if privacy is Privacy.PASSWORD_PROTECTED else None
        await make_video(owner, name=privacy.name, privacy=privacy, password=password)
    for state in VideoState:
        if state is not VideoState.PUBLISHED:
            await make_video(owner, name=state.name, state=state)


async def test_anybody_is_shown_public_videos_only(db: None) -> None:
    await make_all_kinds(await make_user())
    assert await names(VideoFilter()) == ["PUBLIC"]


async def test_who_is_logged_in_is_shown_internal_ones_too(db: None) -> None:
    await make_all_kinds(await make_user())
    viewer = viewer_of(await make_user())
    assert sorted(await names(VideoFilter(), viewer)) == ["INTERNAL", "PUBLIC"]


async def test_the_owner_is_shown_everything_among_its_own(db: None) -> None:
    owner = await make_user()
    await make_all_kinds(owner)
    await make_video(name="of somebody else")
    shown = await names(VideoFilter(scope=Scope.MINE, nsfw=None), viewer_of(owner))
    assert len(shown) == len(Privacy) + len(VideoState) - 1
    assert "of somebody else" not in shown


async def test_nobody_has_no_own_videos(db: None) -> None:
    with pytest.raises(ForbiddenError):
        await queries.list_videos(VideoFilter(scope=Scope.MINE), None)


async def test_moderators_may_ask_for_the_rest(db: None) -> None:
    await make_all_kinds(await make_user())
    wanted = VideoFilter(privacies=(Privacy.PRIVATE,), unpublished=True)
    moderator = viewer_of(await make_user(), Role.MODERATOR)
    assert await names(wanted, moderator) == ["PRIVATE"]
    for nobody in (None, viewer_of(await make_user())):
        with pytest.raises(ForbiddenError):
            await queries.list_videos(wanted, nobody)


async def test_an_account_s_list_merges_its_channels(db: None) -> None:
    owner = await make_user()
    channels = [await channel_of(owner), await make_channel(owner), await make_channel(owner)]
    for number in range(9):
        await make_video(
            channels[number % 3],
            name=f"{number}",
            published_at=NOW - timedelta(hours=number),
        )
    await make_video(name="of somebody else")
    wanted = VideoFilter(scope=Scope.ACCOUNT, account_id=(await account_of(owner)).id)
    assert await names(wanted) == [f"{number}" for number in range(9)]
    second = VideoFilter(
        scope=Scope.ACCOUNT, account_id=(await account_of(owner)).id, start=4, count=3
    )
    assert await names(second) == ["4", "5", "6"]


async def test_a_channel_s_list_is_its_own(db: None) -> None:
    channel = await make_channel()
    await make_video(channel, name="mine")
    await make_video(name="another's")
    assert await names(VideoFilter(scope=Scope.CHANNEL, channel_id=channel.id)) == ["mine"]


@pytest.mark.parametrize("sort", sorted(SORT_COLUMNS))
async def test_every_sort_key_sorts_both_ways(db: None, sort: str) -> None:
    column = SORT_COLUMNS[sort]
    values: dict[str, list[Any]] = {
        "name": ["alpha", "beta", "gamma"],
        "created_at": [NOW, NOW + timedelta(days=1), NOW + timedelta(days=2)],
    }
    for number in range(3):
        fields: dict[str, Any] = {}
        if column.endswith("_at"):
            fields[column] = NOW + timedelta(days=number)
        elif column not in {"id", "name"}:
            fields[column] = number
        video = await make_video(name=values["name"][number], **fields)
        if column == "updated_at":  # kept by the model itself
            await Video.filter(id=video.id).update(updated_at=NOW + timedelta(days=number))
    assert await names(VideoFilter(sort=sort)) == values["name"]
    assert await names(VideoFilter(sort=f"-{sort}")) == values["name"][::-1]


async def test_equal_keys_have_one_order_over_pages(db: None) -> None:
    for number in range(7):
        await make_video(name=str(number), views=5)
    pages = [
        name
        for start in range(0, 7, 2)
        for name in await names(VideoFilter(sort="-views", start=start, count=2))
    ]
    assert sorted(pages) == [str(number) for number in range(7)]


@pytest.mark.parametrize("sort", ["password", "-", "", "name; DROP TABLE video", "--name"])
async def test_an_unknown_sort_key_is_an_error(db: None, sort: str) -> None:
    with pytest.raises(InvalidError) as raised:
        await queries.list_videos(VideoFilter(sort=sort), None)
    assert raised.value.field == "sort"


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (VideoFilter(categories=(1, 15)), ["a", "b"]),
        (VideoFilter(licences=(2,)), ["b"]),
        (VideoFilter(languages=("fr",)), ["b"]),
        (VideoFilter(languages=("fr", "_unknown")), ["b", "c"]),
        (VideoFilter(languages=("_unknown",)), ["c"]),
        (VideoFilter(tags_one_of=("LAVA", "nothing")), ["a", "b"]),
        (VideoFilter(tags_all_of=("lava", "Stone")), ["b"]),
        (VideoFilter(nsfw=True), ["d"]),
        (VideoFilter(nsfw=None), ["a", "b", "c", "d"]),
        (VideoFilter(nsfw=None, nsfw_flags_included=2), ["d"]),
        (VideoFilter(nsfw=None, nsfw_flags_excluded=2), ["a", "b", "c"]),
        (VideoFilter(search="B"), ["b"]),
        (VideoFilter(search="%"), []),
        (VideoFilter(search="\\"), []),
        (VideoFilter(duration_min=50), ["b", "c"]),
        (VideoFilter(duration_max=50), ["a"]),
        (VideoFilter(published_after=NOW - timedelta(days=1)), ["a"]),
        (VideoFilter(published_before=NOW - timedelta(days=1)), ["b", "c"]),
        (VideoFilter(is_live=True), []),
        (VideoFilter(is_live=False), ["a", "b", "c"]),
        (VideoFilter(is_local=False), []),
        (VideoFilter(is_local=True), ["a", "b", "c"]),
        (VideoFilter(host="elsewhere.example"), []),
        (VideoFilter(has_hls=True), ["a"]),
        (VideoFilter(has_hls=False), ["b", "c"]),
        (VideoFilter(channel_names=("VOLCANOES",)), ["a"]),
    ],
    ids=lambda value: "" if isinstance(value, list) else None,
)
async def test_filters(db: None, wanted: VideoFilter, expected: list[str]) -> None:
    volcanoes = await make_channel(name="volcanoes")
    await make_video(
        volcanoes,
        name="a",
        category=1,
        language="en",
        tags=["lava"],
        published_at=NOW,
        playlist={"master": "m.m3u8", "dash": None, "complete": True},
    )
    await make_video(
        name="b",
        category=15,
        licence=2,
        language="fr",
        tags=["Lava", "stone"],
        duration=100,
        published_at=NOW - timedelta(days=2),
    )
    await make_video(name="c", duration=200, published_at=NOW - timedelta(days=3))
    await make_video(name="d", nsfw=True, nsfw_flags=2, duration=51)
    assert sorted(await names(wanted)) == expected


async def test_a_list_is_one_statement_with_its_total_two(
    db: None, max_queries: MaxQueries
) -> None:
    for _ in range(20):
        await make_video()
    viewer = viewer_of(owner := await make_user())
    scopes = (
        VideoFilter(),
        VideoFilter(scope=Scope.MINE),
        VideoFilter(scope=Scope.ACCOUNT, account_id=owner.account.id),
    )
    for wanted in scopes:
        with max_queries(1):
            await queries.list_videos(wanted, viewer)
        with max_queries(1):
            await queries.count_videos(wanted, viewer)
