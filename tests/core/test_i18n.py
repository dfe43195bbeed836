import pytest
from aiohttp.test_utils import make_mocked_request
from hypothesis import given
from hypothesis import strategies as st

from app.core import i18n
from tests.core.conftest import Configure


@pytest.mark.parametrize(
    ("header", "languages"),
    [
        ("", []),
        ("de", ["de"]),
        ("fr;q=0.3, de-AT, en;q=0.9", ["de-AT", "en", "fr"]),
        ("de;q=0, fr", ["fr"]),
        ("de;q=2, ;;, fr;q=0.5", ["fr"]),
        ("*", ["*"]),
    ],
)
def test_accept_language(header: str, languages: list[str]) -> None:
    assert i18n.accepted(header) == languages


@given(st.text(max_size=200))
def test_any_header_can_be_read(header: str) -> None:
    assert all(isinstance(language, str) for language in i18n.accepted(header))


@pytest.mark.parametrize(
    ("wanted", "found"),
    [(["de-AT"], "de"), (["xx", "FR"], "fr"), (["*"], None), (["../en"], None), ([], None)],
)
def test_what_is_wanted_and_what_we_have(wanted: list[str], found: str | None) -> None:
    assert i18n.match(wanted) == found


def test_choice_goes_before_cookie_before_browser_before_site(bare: Configure) -> None:
    request = make_mocked_request(
        "GET", "/", headers={"Accept-Language": "de", "Cookie": "kinora_language=fr"}
    )
    assert i18n.language_of(request, preference="en") == "en"
    assert i18n.language_of(request, preference="klingon") == "fr"
    assert i18n.language_of(request) == "fr"
    browser = make_mocked_request("GET", "/", headers={"Accept-Language": "xx, de"})
    assert i18n.language_of(browser) == "de"
    bare(site__default_language="fr")
    assert i18n.language_of(make_mocked_request("GET", "/")) == "fr"


def test_messages_in_the_language_that_is_spoken() -> None:
    i18n.speak("de")
    assert i18n.gettext("Please fill this in.") == "Bitte ausfüllen."
    i18n.speak("klingon")
    assert i18n.current_locale() == "en"
    assert i18n.gettext("Please fill this in.") == "Please fill this in."


def test_the_languages_call_themselves_by_their_own_names() -> None:
    assert i18n.languages() == {"de": "Deutsch", "en": "English", "fr": "Français"}
