"""The language of a page: gettext catalogues, English in the source.

`app/locale/<language>/LC_MESSAGES/kinora.po` is read when its language is first asked for; there is
no build step and nothing compiled to keep in step. `bin/messages` collects the strings.
"""

import io
import re
from collections.abc import Iterable
from contextvars import ContextVar
from functools import cache
from gettext import GNUTranslations, NullTranslations
from pathlib import Path

from aiohttp import web
from babel import Locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from app.config import settings

COOKIE = "kinora_language"
SOURCE = "en"
FOLDER = Path(__file__).parent.parent / "locale"
_QUALITY = re.compile(r"\s*([A-Za-z*][A-Za-z0-9-]*)\s*(?:;\s*q\s*=\s*([01](?:\.\d{0,3})?))?\s*")

_locale: ContextVar[str] = ContextVar("locale", default=SOURCE)


@cache
def languages() -> dict[str, str]:
    """The languages that we have, by code, each by its own name."""
    codes = {SOURCE} | {path.name for path in FOLDER.glob("*") if _catalogue(path.name).exists()}
    return {code: _own_name(code) for code in sorted(codes)}


def current_locale() -> str:
    """The language that is being spoken."""
    return _locale.get()


def speak(language: str) -> None:
    """Speak this language from here on in this request or job."""
    _locale.set(language if language in languages() else SOURCE)


def language_of(request: web.BaseRequest, *, preference: object = None) -> str:
    """What the user chose, else what the cookie says, else what the browser asks for."""
    for chosen in (preference, request.cookies.get(COOKIE)):
        if isinstance(chosen, str) and (language := match([chosen])):
            return language
    asked = accepted(request.headers.get("Accept-Language", ""))
    return match(asked) or match([settings().site.default_language]) or SOURCE


def accepted(header: str) -> list[str]:
    """The languages of an Accept-Language header, best first."""
    parsed = filter(None, (_QUALITY.fullmatch(part) for part in header[:400].split(",")))
    found = [(float(part[2] or 1), part[1]) for part in parsed]
    found.sort(key=lambda pair: -pair[0])
    return [language for quality, language in found if quality > 0]


def match(wanted: Iterable[str]) -> str | None:
    """The first of the wanted languages that we have; `de-AT` is content with `de`."""
    for tag in wanted:
        code = tag.replace("-", "_")
        for candidate in (code, code.partition("_")[0].lower()):
            if candidate in languages():
                return candidate
    return None


def gettext(message: str) -> str:
    """The message in the language that is being spoken."""
    return _translations(_locale.get()).gettext(message)


def ngettext(singular: str, plural: str, number: int) -> str:
    """The form of the message that fits the number, in the language that is being spoken."""
    return _translations(_locale.get()).ngettext(singular, plural, number)


@cache
def _translations(language: str) -> NullTranslations:
    path = _catalogue(language)
    if not path.exists():
        return NullTranslations()
    with path.open("rb") as source:
        catalogue = read_po(source, locale=language)
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return GNUTranslations(compiled)


def _catalogue(language: str) -> Path:
    return FOLDER / language / "LC_MESSAGES" / "kinora.po"


def _own_name(code: str) -> str:
    name = Locale.parse(code).get_display_name() or code
    return name[:1].upper() + name[1:]
