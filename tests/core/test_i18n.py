import io
import re
from pathlib import Path

import pytest
from aiohttp.test_utils import make_mocked_request
from babel.messages.pofile import read_po
from hypothesis import given
from hypothesis import strategies as st

from app import messages
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


PLACEHOLDER = re.compile(r"%%|%\(\w+\)[sd]|\{\w+\}")


@pytest.mark.parametrize("language", [code for code in i18n.languages() if code != i18n.SOURCE])
def test_a_translation_keeps_what_is_filled_in(language: str) -> None:
    with messages.catalogue_path(language).open("rb") as source:
        catalogue = read_po(source, locale=language)
    assert not any(message.fuzzy for message in catalogue)
    for message in catalogue:
        if not message.id or not messages.is_translated(message):
            continue
        texts = message.id if isinstance(message.id, list | tuple) else [message.id]
        wanted = [sorted(PLACEHOLDER.findall(text)) for text in texts]
        forms = [message.string] if isinstance(message.string, str) else message.string
        assert isinstance(forms, list | tuple)
        assert len(forms) == (catalogue.num_plurals if len(texts) > 1 else 1)
        for form in forms:
            assert sorted(PLACEHOLDER.findall(form)) in wanted, form


@pytest.mark.parametrize("language", ["de", "fr"])
def test_nine_of_ten_strings_are_translated(language: str) -> None:
    strings = messages.collected()
    updated = read_po(io.StringIO(messages.updated(language, strings)), locale=language)
    translated = sum(1 for message in updated if message.id and messages.is_translated(message))
    assert translated >= 0.9 * len(strings)


def test_strings_of_templates_python_and_errors_are_collected() -> None:
    found = {
        message.id[0] if isinstance(message.id, list | tuple) else message.id
        for message in messages.collected()
    }
    assert {"Log in", "Please fill this in.", "There is no such video."} <= found
    assert "At least %(num)d character, please." in found


def test_bringing_a_catalogue_up_to_date_twice_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(messages, "FOLDER", tmp_path)
    path = messages.catalogue_path("de")
    path.parent.mkdir(parents=True)
    path.write_text('msgid "Log in"\nmsgstr "Anmelden"\n\nmsgid "Gone"\nmsgstr "Weg"\n')
    strings = messages.collected()
    path.write_text(messages.updated("de", strings))
    once = path.read_text()
    assert messages.updated("de", strings) == once
    assert 'msgid "Log in"\nmsgstr "Anmelden"' in once
    assert "Gone" not in once
