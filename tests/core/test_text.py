import re
from html.parser import HTMLParser

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.core.text import MAX_LENGTH, excerpt, markdown

LINK = "https://example.org/a?b=c"
ALLOWED = {"href", "rel", "start"}


class Found(HTMLParser):
    """Every tag and attribute of a piece of HTML, as a browser would find them."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attrs


@pytest.mark.parametrize(
    ("written", "html"),
    [
        (None, ""),
        ("", ""),
        ("**bold** and _thin_", "<p><strong>bold</strong> and <em>thin</em></p>\n"),
        ("a\nb", "<p>a<br>\nb</p>\n"),
        ("- a\n- b", "<ul>\n<li>a</li>\n<li>b</li>\n</ul>\n"),
        ("~~gone~~", "<p><s>gone</s></p>\n"),
        (
            f"see {LINK}",
            f'<p>see <a href="{LINK}" rel="nofollow noopener ugc">{LINK}</a></p>\n',
        ),
        ("[x](javascript:alert(1))", "<p>[x](javascript:alert(1))</p>\n"),
        ("![x](https://example.org/x.png)", None),
        ("<script>alert(1)</script>", "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>\n"),
    ],
)
def test_markdown(written: str | None, html: str | None) -> None:
    made = str(markdown(written))
    assert "<img" not in made
    if html is not None:
        assert made == html


EVIL = st.sampled_from(
    [
        "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "javascript:alert(1)",
        "[a](", ")", "](", "<", ">", "&lt;", "&#x3c;", "`", "```\n", "\n", "> ", "- ", "|a|\n|-|\n",
        "data:text/html,<script>", "vbscript:x", "<a href='", '"', "'", "<svg onload=", "<!--",
        "-->", "<![CDATA[", "&#106;avascript:", "\\", "https://", "www.example.org", "<style>",
        "</p>", "<iframe srcdoc=", "&", "#", "*", "_", "~~", "\t", "\u202e", "\x00",
        "[a]: javascript:x\n",
    ]
)  # fmt: skip


@given(st.lists(st.one_of(EVIL, st.text(max_size=8)), max_size=30).map("".join))
@example("[a](&#106;avascript:alert(1))")
@example('<a href="java\tscript:alert(1)">')
def test_markdown_never_yields_anything_that_runs(written: str) -> None:
    found = Found(str(markdown(written)))
    assert not found.tags & {"script", "style", "img", "iframe", "svg", "object", "form", "input"}
    for name, value in found.attributes:
        assert name in ALLOWED
        if name == "href":
            assert re.match(r"(https?:|mailto:|[^:]*$|[^:/?#]*[/?#])", value or "", re.IGNORECASE)
            assert not re.match(r"\s*(javascript|data|vbscript):", value or "", re.IGNORECASE)


@given(st.lists(st.one_of(EVIL, st.text(max_size=8)), max_size=30).map("".join), st.integers(2, 50))
def test_an_excerpt_is_short_and_on_one_line(written: str, length: int) -> None:
    text = excerpt(written, length=length)
    assert len(text) <= length
    assert "\n" not in text


@pytest.mark.parametrize(
    ("written", "text"),
    [
        (
            "# Title\n\nSome **words** & [a link](https://example.org).",
            "Title Some words & a link.",
        ),
        ("- a\n- b", "a b"),
        ("a < b", "a < b"),
        (None, ""),
    ],
)
def test_an_excerpt_has_the_words_only(written: str | None, text: str) -> None:
    assert excerpt(written) == text


def test_an_excerpt_ends_between_words() -> None:
    assert excerpt("one two three four", length=12) == "one two…"
    assert excerpt("x" * 50, length=10) == "x" * 9 + "…"


def test_a_text_without_end_is_cut() -> None:
    assert len(str(markdown("x" * 10 * MAX_LENGTH))) < 2 * MAX_LENGTH
    assert "<blockquote>" in str(markdown(">" * 10 * MAX_LENGTH))
    assert markdown("[" * 10 * MAX_LENGTH)
