"""Search: words, accents, typos, rank, filters, channels."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient

from app.core.db import fetchval
from app.core.ids import short
from app.search import queries
from app.videos.filters import VideoFilter
from app.videos.models import Privacy, VideoState
from tests.contract.peertube import ensure_answers
from tests.factories import make_channel, make_user, make_video

Client = TestClient[web.Request, web.Application]
BEST = VideoFilter(sort=queries.BEST_MATCH)


async def found(text: str, wanted: VideoFilter = BEST) -> list[str]:
    rows, total = await queries.search_videos(text, wanted, None)
    assert total >= len(rows)
    return [row["name"] for row in rows]


async def make_some() -> None:
    await make_video(name="The Volcano of Stromboli", description="Lava at night", tags=["island"])
    await make_video(name="Café crème à Besançon", tags=["cuisine"])
    await make_video(name="Learning Python", description="For beginners")
    await make_video(name="Ein Straßenfest in Köln")
    await make_video(name="東京の夜", description="Tokyo at night")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("volcano", "The Volcano of Stromboli"),
        ("VOLCANO", "The Volcano of Stromboli"),
        ("stromboli volcano", "The Volcano of Stromboli"),
        ("volc", "The Volcano of Stromboli"),  # still typing
        ("stromboli vol", "The Volcano of Stromboli"),
        ("lava", "The Volcano of Stromboli"),  # from the description
        ("island", "The Volcano of Stromboli"),  # from the tags
        ("cafe creme besancon", "Café crème à Besançon"),
        ("CAFÉ", "Café crème à Besançon"),
        ("koln", "Ein Straßenfest in Köln"),
        ("strassenfest", "Ein Straßenfest in Köln"),
        ("東京の夜", "東京の夜"),
        # typos
        ("volcno", "The Volcano of Stromboli"),
        ("vulcano strombolli", "The Volcano of Stromboli"),
        ("pyhton", "Learning Python"),
        ("lerning", "Learning Python"),
        ("besacon", "Café crème à Besançon"),
        ('"learning python"', "Learning Python"),
        ("python -stromboli", "Learning Python"),
    ],
)
async def test_found(db: None, text: str, expected: str) -> None:
    await make_some()
    assert await found(text) == [expected]


@pytest.mark.parametrize(
    "text",
    ["xylophone", "qqqqqq", "'", '"', "&|!():*", "\\", "%", "a" * 200, "-"],
)
async def test_not_found_but_no_error(db: None, text: str) -> None:
    await make_some()
    assert await found(text) == []


@pytest.mark.parametrize("text", ['-"a b"', "a or -b", '"a', "(a | b) & !c", "a:*", "a <-> b"])
async def test_operators_are_no_errors(db: None, text: str) -> None:
    await make_some()
    await found(text)


async def test_the_name_counts_before_tags_before_the_description(db: None) -> None:
    await make_video(name="in the text", description="about a glacier")
    await make_video(name="in the tags", tags=["glacier"])
    await make_video(name="glacier")
    assert await found("glacier") == ["glacier", "in the tags", "in the text"]


async def test_of_equals_the_watched_comes_first(db: None) -> None:
    await make_video(name="Glacier one", views=3)
    await make_video(name="Glacier two", views=10)
    assert await found("glacier") == ["Glacier two", "Glacier one"]
    assert await found("glacier", VideoFilter(sort="name")) == ["Glacier one", "Glacier two"]


async def test_what_is_not_public_is_not_found(db: None) -> None:
    for privacy in Privacy:
        if privacy is not Privacy.PUBLIC:
            await make_video(name="glacier", privacy=privacy)
    await make_video(name="glacier", state=VideoState.TO_TRANSCODE)
    await make_video(name="glacier", nsfw=True)
    assert await found("glacier") == []
    assert await found("glacjer") == []


async def test_filters_apply_to_both_ways_of_finding(db: None) -> None:
    await make_video(name="Glacier one", category=1)
    await make_video(name="Glacier two", category=2)
    wanted = VideoFilter(sort=queries.BEST_MATCH, categories=(2,))
    assert await found("glacier", wanted) == ["Glacier two"]
    assert await found("glacjer", wanted) == ["Glacier two"]


async def test_pages_and_totals(
    db: None, max_queries: Callable[[int], AbstractContextManager[Any]]
) -> None:
    for number in range(5):
        await make_video(name=f"Glacier {number}", views=number)
    pages = []
    for start in (0, 2, 4):
        wanted = VideoFilter(sort=queries.BEST_MATCH, start=start, count=2)
        with max_queries(1):
            rows, total = await queries.search_videos("glacier", wanted, None)
        assert total == 5
        pages += [row["views"] for row in rows]
    assert pages == [4, 3, 2, 1, 0]
    beyond = VideoFilter(sort=queries.BEST_MATCH, start=10, count=2)
    assert await queries.search_videos("glacier", beyond, None) == ([], 5)


async def test_the_address_of_a_video_finds_it(db: None) -> None:
    video = await make_video(name="Glacier")
    await make_video()
    site = "http://127.0.0.1:9000"
    for path in (f"/w/{short(video.uuid)}", f"/videos/watch/{video.uuid}", f"/w/{video.uuid}?a=1"):
        assert await found(site + path) == ["Glacier"]
    assert await found(f"https://elsewhere.example/w/{video.uuid}") == []


async def test_the_indexes_are_used(db: None) -> None:
    await make_some()
    await fetchval("SELECT set_config('enable_seqscan', 'off', true)")
    for condition, index in (
        ("search @@ 'volcano'::tsquery", "video_search"),
        ("plain(name) LIKE plain('%volcano%')", "video_name_trigrams"),
        ("lower(tags::text)::jsonb ?| ARRAY['island']", "video_tags"),
    ):
        plan = await fetchval(f"EXPLAIN (FORMAT JSON) SELECT id FROM video WHERE {condition}")
        assert index in plan


async def names_of_channels(text: str, handles: Sequence[str] = ()) -> list[str]:
    rows, total = await queries.search_channels(text, handles=handles)
    assert total == len(rows)
    return [row["channel_name"] for row in rows]


@pytest.mark.parametrize(
    "text", ["volcano", "Vulkan", "volcno", "vulkan-watch", "@volcano_watch", "wátch"]
)
async def test_channels_are_found_by_either_name(db: None, text: str) -> None:
    await make_channel(name="volcano_watch", display_name="Vulkan-Watch")
    await make_channel(name="other", display_name="Something else")
    assert await names_of_channels(text) == ["volcano_watch"]


async def test_channels_by_handle(db: None) -> None:
    await make_channel(name="one")
    await make_channel(name="two")
    await make_channel(name="three")
    handles = ["ONE", "two@127.0.0.1:9000", "three@elsewhere.example"]
    assert await names_of_channels("", handles) == ["one", "two"]


async def test_channels_of_the_blocked_are_not_found(db: None) -> None:
    await make_channel(await make_user(blocked=True, channel=None), name="glacier")
    assert await names_of_channels("glacier") == []


async def test_over_rest(client: Client) -> None:
    channel = await make_channel(name="glaciers", display_name="Glaciers")
    await make_video(channel, name="Glacier", description="All of it")
    answer = await client.get("/api/v1/search/videos?search=glacir&count=5")
    assert answer.status == 200
    ensure_answers("VideoListResponse", await answer.json())
    assert (await answer.json())["total"] == 1
    answer = await client.get("/api/v1/search/video-channels?search=glacirs")
    assert answer.status == 200
    assert (await answer.json())["data"][0]["name"] == "glaciers"
    ensure_answers("VideoChannelList", await answer.json())


@pytest.mark.parametrize(
    "query",
    [
        "sort=-password",
        "count=101",
        "start=-1",
        "startDate=yesterday",
        "uuids=nonsense",
        "durationMin=abc",
        "privacyOneOf=9",
        "categoryOneOf=99999999999",
    ],
)
async def test_wrong_parameters_are_named(client: Client, query: str) -> None:
    answer = await client.get(f"/api/v1/search/videos?search=x&{query}")
    assert answer.status == 400
    named = list((await answer.json())["invalid-params"])
    assert [name.partition(".")[0] for name in named] == [query.partition("=")[0]]


async def test_anything_may_be_searched(client: Client) -> None:
    for text in ("%00", "%F0%9F%8E%AC", "'%20OR%201=1", "a%20or%20b%20-", "%22%22", "((("):
        for kind in ("videos", "video-channels"):
            answer = await client.get(f"/api/v1/search/{kind}?search={text}")
            assert answer.status in {200, 400}
