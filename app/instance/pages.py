"""What a visitor without an account may choose about the whole site: its language."""

from aiohttp import web

from app.core import i18n
from app.core.api import Schema
from app.core.forms import FormErrors, read_form
from app.core.pages import Pages, local_path, redirect
from app.core.requests import is_https

YEAR = 365 * 86400
pages = Pages()


class LanguageChoice(Schema):
    """A language, and the page to go back to."""

    language: str
    next: str = "/"


@pages.post("/language")
async def choose_language(request: web.Request) -> web.Response:
    """Remember the language in a cookie; users have it among their settings."""
    form = await read_form(request, LanguageChoice)
    if isinstance(form, FormErrors) or form.language not in i18n.languages():
        return redirect(request, "/")
    response = redirect(request, local_path(form.next))
    response.set_cookie(
        i18n.COOKIE,
        form.language,
        max_age=YEAR,
        httponly=True,
        samesite="Lax",
        secure=is_https(request),
    )
    return response
