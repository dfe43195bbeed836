"""The search page: what was found for some words or a tag, a page at a time."""

from collections.abc import Callable, Sequence
from typing import Annotated
from urllib.parse import urlencode

from aiohttp import web
from pydantic import Field, StringConstraints

from app.core.api import Schema
from app.core.auth import known_actor
from app.core.db import Row
from app.core.pages import Pages, render
from app.search.queries import BEST_MATCH, search_videos
from app.videos.filters import SORT_COLUMNS, VideoFilter
from app.videos.showing import sensitive_wish

pages = Pages()

PAGE = 24
FURTHEST = 2000

Text = Annotated[str, StringConstraints(max_length=200, strip_whitespace=True)]


class SearchQuery(Schema):
    """What is looked for, under PeerTube's names."""

    search: Text = ""
    tags_one_of: Annotated[list[Text], Field(max_length=5, default_factory=list)]
    sort: Annotated[str, StringConstraints(max_length=40)] = BEST_MATCH
    start: Annotated[int, Field(ge=0, le=FURTHEST)] = 0


@pages.get("/search")
async def search(request: web.Request, query: SearchQuery) -> web.Response:
    """Videos that have the words, best match first; else those that are spelled nearly so."""
    sort = query.sort if query.sort.removeprefix("-") in SORT_COLUMNS else BEST_MATCH
    found, total = await _find(request, query, sort)
    here = _addresses(query, sort)
    more = here(start=query.start + PAGE) if total > query.start + PAGE <= FURTHEST else None
    return render(
        request,
        "search/search.html",
        search_text=query.search,
        subject=query.search or ", ".join(query.tags_one_of),
        videos=found,
        total=total,
        sort=sort,
        order_url=lambda order: here(sort=order, start=0),
        more=more,
        start=query.start,
    )


async def _find(request: web.Request, query: SearchQuery, sort: str) -> tuple[Sequence[Row], int]:
    if not query.search and not query.tags_one_of:
        return [], 0
    viewer = known_actor(request)
    wanted = VideoFilter(
        tags_one_of=tuple(query.tags_one_of),
        nsfw=sensitive_wish(viewer),
        sort=sort,
        start=query.start,
        count=PAGE,
    )
    return await search_videos(query.search, wanted, viewer)


def _addresses(query: SearchQuery, sort: str) -> Callable[..., str]:
    """Makes the address of the same search with something changed."""

    def address(**changes: object) -> str:
        values: dict[str, object] = {
            "search": query.search,
            "tagsOneOf": query.tags_one_of,
            "sort": sort,
            "start": query.start,
        } | changes
        if values["sort"] == BEST_MATCH:
            del values["sort"]
        return "/search?" + urlencode({k: v for k, v in values.items() if v}, doseq=True)

    return address
