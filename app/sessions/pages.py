"""Pages: logging in, with a second factor where it is on, and logging out."""

from typing import Annotated, Final

from aiohttp import web
from pydantic import Field

from app.core import ratelimit
from app.core.api import Schema
from app.core.auth import COOKIE, current_actor
from app.core.errors import InvalidError
from app.core.forms import FormErrors, read_form, refused
from app.core.i18n import gettext
from app.core.pages import Pages, local_path, redirect, render
from app.core.requests import is_https
from app.sessions import service, two_factor
from app.sessions.devices import device_of

pages = Pages()

#: browsers keep a cookie for 400 days at most; the session itself ends when it stands idle
_COOKIE_SECONDS: Final = 400 * 24 * 3600


class LoginQuery(Schema):
    """Where to go after the login."""

    next: Annotated[str, Field(max_length=2000)] = "/"


class LoginForm(LoginQuery):
    """Name and password."""

    username: Annotated[str, Field(min_length=1, max_length=400)]
    password: Annotated[str, Field(min_length=1, max_length=255)]


class CodeForm(LoginQuery):
    """The one-time password, and the token that stands for the right password."""

    token: Annotated[str, Field(max_length=200)]
    code: Annotated[str, Field(min_length=1, max_length=20)]


async def log_in(
    request: web.Request, user_id: int, *, to: str, flash: str | None = None
) -> web.Response:
    """Open a page's session and go on."""
    secret = await service.open_cookie(user_id, device_of(request))
    response = redirect(request, to, flash=flash)
    response.set_cookie(
        COOKIE,
        secret,
        max_age=_COOKIE_SECONDS,
        path="/",
        httponly=True,
        samesite="Lax",
        secure=is_https(request),
    )
    return response


def log_out_here(response: web.Response) -> web.Response:
    """The same answer, after which this browser has no session."""
    response.del_cookie(COOKIE, path="/")
    return response


@pages.get("/login")
async def show_login(request: web.Request, query: LoginQuery) -> web.Response:
    """The form."""
    if await current_actor(request) is not None:
        return redirect(request, query.next)
    return _login(request, FormErrors({"next": local_path(query.next)}))


def _login(
    request: web.Request, form: FormErrors, *, status: int = 200, unverified: bool = False
) -> web.Response:
    return render(
        request, "accounts/login.html", status=status, form=form, is_unverified=unverified
    )


@pages.post("/login", rate="login")
async def take_login(request: web.Request) -> web.Response:
    """The password; then the second factor, or in."""
    form = await read_form(request, LoginForm)
    if isinstance(form, FormErrors):
        return _login(request, form, status=400)
    try:
        user = await service.check_credentials(form.username, form.password)
    except InvalidError as error:
        sentence = {
            "invalid_grant": gettext("The name or the password is wrong."),
            "access_denied": gettext("This account is blocked."),
        }.get(error.code or "", gettext(error.detail))
        is_unverified = error.detail == service.UNVERIFIED
        if is_unverified:
            sentence = gettext("Please verify your e-mail address first.")
        values = {"username": form.username, "next": local_path(form.next)}
        return _login(
            request, FormErrors(values, {}, sentence), status=400, unverified=is_unverified
        )
    if user.has_otp:
        token = await two_factor.begin_login(user.user_id)
        return _two_factor(request, FormErrors({"token": token, "next": local_path(form.next)}))
    return await log_in(request, user.user_id, to=form.next)


def _two_factor(request: web.Request, form: FormErrors, *, status: int = 200) -> web.Response:
    return render(request, "accounts/login_two_factor.html", status=status, form=form)


@pages.post("/login/two-factor", rate="login")
async def take_code(request: web.Request) -> web.Response:
    """The one-time password."""
    form = await read_form(request, CodeForm)
    if isinstance(form, FormErrors):
        return _two_factor(request, form, status=400)
    try:
        # six digits are soon guessed from many addresses: attempts count per user here
        await ratelimit.check(
            request, "login", subject=f"user {await two_factor.who_waits(form.token)}"
        )
        user_id = await two_factor.finish_login(form.token, form.code)
    except InvalidError as error:
        if error.code == "expired":
            values = {"next": local_path(form.next)}
            return _login(request, FormErrors(values, {}, gettext(error.detail)), status=400)
        return _two_factor(request, refused(error, form), status=400)
    return await log_in(request, user_id, to=form.next)


@pages.post("/logout")
async def log_out(request: web.Request) -> web.Response:
    """End this browser's session."""
    actor = await current_actor(request)
    if actor is not None:
        await service.revoke(actor.user_id, actor.session_id)
    return log_out_here(redirect(request, "/", flash=gettext("You are logged out.")))
