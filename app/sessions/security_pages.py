"""Pages: the logins of a user, and the second factor."""

from typing import Annotated

from aiohttp import web
from markupsafe import Markup
from pydantic import Field

from app.accounts.models import User
from app.accounts.passwords import verify_password
from app.core.api import Access, Schema
from app.core.auth import require_actor
from app.core.errors import AppError, NotFoundError
from app.core.forms import FormErrors, read_form, refused
from app.core.i18n import gettext
from app.core.pages import Pages, redirect, render
from app.sessions import qr, queries, service, two_factor
from app.sessions.devices import device_name

pages = Pages()


class PasswordForm(Schema):
    """Proof that it is the user."""

    current_password: Annotated[str, Field(min_length=1, max_length=255)]


class ConfirmationForm(Schema):
    """A first one-time password, for the secret that was shown."""

    request_token: Annotated[str, Field(max_length=200)]
    secret: Annotated[str, Field(max_length=64, pattern=r"^[A-Z2-7]+$")]
    code: Annotated[str, Field(min_length=1, max_length=20)]


@pages.get("/settings/security", access=Access.USER)
async def show_security(request: web.Request) -> web.Response:
    """Address, password, second factor, logins."""
    actor = await require_actor(request)
    return render(
        request,
        "accounts/settings_security.html",
        user=await User.get(id=actor.user_id),
        sessions=await queries.sessions_of(actor.user_id),
        device_name=device_name,
    )


@pages.post("/settings/security/sessions/{session_id}/revoke", access=Access.USER)
async def end_session(request: web.Request, session_id: int) -> web.Response:
    """End one login."""
    if not await service.revoke((await require_actor(request)).user_id, session_id):
        raise NotFoundError("There is no such session.")
    return redirect(request, "/settings/security", flash=gettext("That device is logged out."))


@pages.post("/settings/security/sessions/revoke", access=Access.USER)
async def end_other_sessions(request: web.Request) -> web.Response:
    """End all logins but this one."""
    actor = await require_actor(request)
    await service.revoke_all(actor.user_id, but=actor.session_id)
    return redirect(
        request, "/settings/security", flash=gettext("All other devices are logged out.")
    )


@pages.get("/settings/two-factor", access=Access.USER)
async def show_two_factor(request: web.Request) -> web.Response:
    """The password before anything changes."""
    return await _two_factor(request, FormErrors())


async def _two_factor(request: web.Request, form: FormErrors, *, status: int = 200) -> web.Response:
    user = await User.get(id=(await require_actor(request)).user_id)
    return render(
        request,
        "accounts/settings_two_factor.html",
        status=status,
        form=form,
        is_on=user.otp_secret is not None,
    )


@pages.post("/settings/two-factor", access=Access.USER, rate="login")
async def take_two_factor(request: web.Request) -> web.Response:
    """With the right password: off when it was on, else the code to scan."""
    user = await User.get(id=(await require_actor(request)).user_id)
    form = await read_form(request, PasswordForm)
    if isinstance(form, FormErrors):
        return await _two_factor(request, form, status=400)
    if not await verify_password(user.password_hash, form.current_password):
        errors = {"current_password": gettext("The password is wrong.")}
        return await _two_factor(request, FormErrors({}, errors), status=400)
    if user.otp_secret is not None:
        await two_factor.disable(user.id)
        return redirect(
            request, "/settings/security", flash=gettext("Two-factor authentication is off.")
        )
    made = await two_factor.request(user.id)
    values = {"request_token": made.token, "secret": made.secret}
    return _confirmation(request, FormErrors(values), email=user.email)


def _confirmation(
    request: web.Request, form: FormErrors, *, email: str, status: int = 200
) -> web.Response:
    uri = two_factor.provisioning_uri(email, str(form.values.get("secret", "")))
    return render(
        request,
        "accounts/settings_two_factor_confirm.html",
        status=status,
        form=form,
        uri=uri,
        code=Markup(qr.svg(uri)),  # noqa: S704 - made of numbers only
    )


@pages.post("/settings/two-factor/confirm", access=Access.USER, rate="login")
async def take_confirmation(request: web.Request) -> web.Response:
    """The second factor is on."""
    user = await User.get(id=(await require_actor(request)).user_id)
    form = await read_form(request, ConfirmationForm)
    if isinstance(form, FormErrors):
        if "secret" in form.errors or "request_token" in form.errors:
            return await _two_factor(request, FormErrors(), status=400)
        return _confirmation(request, form, email=user.email, status=400)
    try:
        await two_factor.confirm(user.id, form.request_token, form.code)
    except AppError as error:
        return _confirmation(request, refused(error, form), email=user.email, status=error.status)
    return redirect(
        request, "/settings/security", flash=gettext("Two-factor authentication is on.")
    )
