"""Pages: signing up, verifying an address, choosing a new password."""

from typing import Annotated

from aiohttp import web
from pydantic import Field

from app.accounts.names import DisplayName, Email, Password, Username
from app.config import SignupMode, settings
from app.core import ratelimit
from app.core.api import BigInt, Schema
from app.core.auth import current_actor
from app.core.errors import AppError, ForbiddenError, InvalidError
from app.core.forms import FormErrors, read_form, refused
from app.core.i18n import gettext
from app.core.mail import can_send_mail
from app.core.pages import Pages, redirect, render
from app.registration import service
from app.registration.schemas import Reason, Register, RegistrationRequest
from app.sessions.pages import log_in
from app.users import own

pages = Pages()


class SignupForm(Schema):
    """Who wants to come in."""

    username: Username
    display_name: DisplayName | None = None
    email: Email
    password: Password


class SignupRequestForm(SignupForm):
    """The same, with a reason."""

    registration_reason: Reason


class LinkQuery(Schema):
    """What a mailed link carries, in PeerTube's names."""

    user_id: BigInt | None = None
    registration_id: BigInt | None = None
    verification_string: Annotated[str, Field(max_length=200)] = ""


class PasswordForm(LinkQuery):
    """The new password."""

    password: Password


class AddressForm(Schema):
    """Where a mail shall go."""

    email: Email


def _is_by_approval() -> bool:
    return settings().signup.mode is SignupMode.APPROVAL


@pages.get("/signup")
async def show_signup(request: web.Request) -> web.Response:
    """The form, or why there is none."""
    if await current_actor(request) is not None:
        return redirect(request, "/")
    return await _signup(request, FormErrors())


async def _signup(request: web.Request, form: FormErrors, *, status: int = 200) -> web.Response:
    closed = None
    try:
        await service.check_open(settings().signup.mode)
    except ForbiddenError as error:
        closed, status = gettext(error.detail), 403
    return render(
        request,
        "accounts/signup.html",
        status=status,
        form=form,
        closed=closed,
        is_by_approval=_is_by_approval(),
    )


@pages.post("/signup")
async def take_signup(request: web.Request) -> web.Response:
    """Sign up, or ask to."""
    form = await read_form(request, SignupRequestForm if _is_by_approval() else SignupForm)
    if isinstance(form, FormErrors):
        return await _signup(request, form, status=400)
    try:
        if isinstance(form, SignupRequestForm):
            asked = RegistrationRequest(**form.model_dump())
            await service.check_free(asked)
            await ratelimit.check(request, "signup")
            await service.request(asked)
            return _sent(request, gettext("Your request is on its way"), is_request=True)
        new = Register(**form.model_dump())
        await service.check_free(new)
        await ratelimit.check(request, "signup")
        user = await service.register(new)
    except AppError as error:
        return await _signup(request, refused(error, form), status=error.status)
    if user.email_verified is False:
        return _sent(request, gettext("Almost there"), is_request=False)
    return await log_in(request, user.id, to="/", flash=gettext("Welcome! Your account is ready."))


def _sent(request: web.Request, title: str, *, is_request: bool) -> web.Response:
    return render(
        request,
        "accounts/signup_sent.html",
        heading=title,
        is_request=is_request,
        is_mail_sent=settings().signup.verify_email,
    )


@pages.get("/verify-account/email")
async def show_verification(request: web.Request, query: LinkQuery) -> web.Response:
    """A button: what scans mails opens their links, but presses nothing."""
    return render(request, "accounts/verify_email.html", link=query)


@pages.post("/verify-account/email")
async def take_verification(request: web.Request) -> web.Response:
    """The address is verified."""
    form = await read_form(request, LinkQuery)
    if isinstance(form, FormErrors):
        raise InvalidError("This link is wrong or too old.")
    if form.registration_id is not None:
        await service.verify_email(form.registration_id, form.verification_string)
        flash = gettext("Your address is verified. You will hear from us by mail.")
    else:
        await own.verify_email(form.user_id or 0, form.verification_string)
        flash = gettext("Your address is verified.")
    actor = await current_actor(request)
    return redirect(request, "/settings/security" if actor else "/login", flash=flash)


@pages.get("/verify-account/ask-send-email")
async def show_ask_verification(request: web.Request) -> web.Response:
    """The form for the mail once more."""
    return _ask(request, FormErrors(), is_reset=False)


@pages.post("/verify-account/ask-send-email", rate="mail")
async def take_ask_verification(request: web.Request) -> web.Response:
    """The mail once more; whether there is such an address is not told."""
    form = await read_form(request, AddressForm)
    if isinstance(form, FormErrors):
        return _ask(request, form, is_reset=False, status=400)
    await own.ask_verification(form.email)
    await service.ask_verification(form.email)
    return redirect(request, "/login", flash=_told())


@pages.get("/reset-password/ask")
async def show_ask_reset(request: web.Request) -> web.Response:
    """The form for a mail that lets one choose a new password."""
    return _ask(request, FormErrors(), is_reset=True)


@pages.post("/reset-password/ask", rate="mail")
async def take_ask_reset(request: web.Request) -> web.Response:
    """The mail; whether there is such an address is not told."""
    form = await read_form(request, AddressForm)
    if isinstance(form, FormErrors):
        return _ask(request, form, is_reset=True, status=400)
    await own.ask_reset(form.email)
    return redirect(request, "/login", flash=_told())


def _told() -> str:
    return gettext("If we know this address, a mail is on its way.")


def _ask(
    request: web.Request, form: FormErrors, *, is_reset: bool, status: int = 200
) -> web.Response:
    return render(
        request,
        "accounts/ask_mail.html",
        status=status,
        form=form,
        is_reset=is_reset,
        can_send=can_send_mail(),
    )


@pages.get("/reset-password")
async def show_reset(request: web.Request, query: LinkQuery) -> web.Response:
    """The form for the new password."""
    values = {"user_id": query.user_id, "verification_string": query.verification_string}
    return _reset(request, FormErrors(values))


def _reset(request: web.Request, form: FormErrors, *, status: int = 200) -> web.Response:
    return render(request, "accounts/reset_password.html", status=status, form=form)


@pages.post("/reset-password", rate="login")
async def take_reset(request: web.Request) -> web.Response:
    """The new password."""
    form = await read_form(request, PasswordForm)
    if isinstance(form, FormErrors):
        return _reset(request, form, status=400)
    await own.reset_password(form.user_id or 0, form.verification_string, form.password)
    return redirect(request, "/login", flash=gettext("Your password is changed. Please log in."))
