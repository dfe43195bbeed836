"""Markdown of people to HTML that is safe on our pages, and to plain text for previews.

markdown-it never lets HTML through and nh3 then keeps only what is listed here, so a fault of one
is caught by the other. Images are left out: a description must not make browsers tell a third
party who watches.
"""

import html
import re
from functools import cache, lru_cache

import nh3
from markdown_it import MarkdownIt
from markupsafe import Markup

#: Twice what the API lets into a description; a longer text is cut before it is parsed.
MAX_LENGTH = 20_000
_TAGS = (
    *("a", "p", "br", "strong", "em", "s", "del", "code", "pre", "ul", "ol", "li", "blockquote"),
    *("hr", "h1", "h2", "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td"),
)
_SPACE = re.compile(r"\s+")
_BLOCK_END = re.compile(r"(?=</(?:p|li|h[1-6]|td|th|pre|blockquote)>)|<br\s*/?>|<hr\s*/?>")


def markdown(text: str | None) -> Markup:
    """A person's Markdown as HTML: paragraphs, lists, links, tables; nothing that runs or loads."""
    return Markup(_render((text or "")[:MAX_LENGTH]))  # noqa: S704 - sanitised by nh3


def excerpt(text: str | None, *, length: int = 200) -> str:
    """The first words of a Markdown text without its marks, at most `length` characters."""
    spaced = _BLOCK_END.sub(" ", _render((text or "")[:MAX_LENGTH]))
    plain = html.unescape(nh3.clean(spaced, tags=set()))
    plain = _SPACE.sub(" ", plain).strip()
    if len(plain) <= length:
        return plain
    cut = plain[: length - 1]
    words = cut.rsplit(" ", 1)[0]
    return (words if len(words) > length // 2 else cut).rstrip(" .,;:") + "…"


@lru_cache(maxsize=256)
def _render(text: str) -> str:
    return nh3.clean(
        _parser().render(text),
        tags=set(_TAGS),
        attributes={"a": {"href"}, "ol": {"start"}},
        url_schemes={"http", "https", "mailto"},
        link_rel="nofollow noopener ugc",
    )


@cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "linkify": True, "breaks": True})
    return parser.enable(["linkify", "strikethrough", "table"]).disable("image")
