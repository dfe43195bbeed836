"""Pages: the settings of a user: profile, preferences, address, password, the end."""

from typing import Annotated

from aiohttp import web
from pydantic import Field

from app.accounts.names import Description, DisplayName, Email, Password
from app.accounts.pictures import MAX_REQUEST
from app.accounts.schemas import AvatarFile
from app.accounts.service import remove_avatar, set_avatar
from app.core.api import Access, Schema
from app.core.auth import Actor, require_actor
from app.core.db import Row
from app.core.errors import AppError, InvalidError, NotFoundError
from app.core.forms import FormErrors, read_form, refused
from app.core.i18n import gettext, languages
from app.core.mail import can_send_mail
from app.core.pages import Pages, redirect, render
from app.core.requests import is_https
from app.sessions.pages import log_out_here
from app.users import own, queries
from app.users.schemas import LanguageTag, NsfwPolicy, Preferences, Theme, UpdateMe
from app.users.service import ROOT

pages = Pages()

#: where templates/_layout.html looks before anybody is known
_THEME_COOKIE = "kinora_theme"
_YEAR = 365 * 24 * 3600

CurrentPassword = Annotated[str, Field(min_length=1, max_length=255)]


class ProfileForm(Schema):
    """What others see."""

    display_name: DisplayName
    description: Description | None = None


class PreferencesForm(Schema):
    """How the pages look and behave; a box that is not ticked is not sent."""

    theme: Theme = Theme.INSTANCE_DEFAULT
    language: LanguageTag | None = None
    nsfw_policy: NsfwPolicy = NsfwPolicy.DO_NOT_LIST
    auto_play_video: bool = False
    auto_play_next_video: bool = False


class EmailForm(Schema):
    """A new address."""

    email: Email
    current_password: CurrentPassword


class PasswordForm(Schema):
    """A new password."""

    current_password: CurrentPassword
    password: Password


class DeletionForm(Schema):
    """The end, with proof that it is the user."""

    current_password: CurrentPassword


async def _row(actor: Actor) -> Row:
    row = await queries.get_user(actor.user_id)
    if row is None:
        raise NotFoundError("There is no such user.")
    return row


@pages.get("/settings", access=Access.USER)
async def show_profile(request: web.Request) -> web.Response:
    """What others see."""
    row = await _row(await require_actor(request))
    values = {
        "display_name": row["account_display_name"],
        "description": row["account_description"],
    }
    return await _profile(request, FormErrors(values))


async def _profile(
    request: web.Request, form: FormErrors, *, picture: FormErrors | None = None, status: int = 200
) -> web.Response:
    row = await _row(await require_actor(request))
    return render(
        request,
        "accounts/settings_profile.html",
        status=status,
        form=form,
        picture=picture or FormErrors(),
        user=row,
    )


@pages.post("/settings", access=Access.USER)
async def take_profile(request: web.Request) -> web.Response:
    """A new name or description."""
    form = await read_form(request, ProfileForm)
    if isinstance(form, FormErrors):
        return await _profile(request, form, status=400)
    change = UpdateMe(display_name=form.display_name, description=form.description)
    await own.update_me(await require_actor(request), change)
    return redirect(request, "/settings", flash=gettext("Your profile is saved."))


@pages.post("/settings/avatar", access=Access.USER)
async def take_avatar(request: web.Request) -> web.Response:
    """A new picture."""
    actor = await require_actor(request)
    form = await read_form(request, AvatarFile, limit=MAX_REQUEST)
    if not isinstance(form, FormErrors):
        try:
            await set_avatar(actor.account_id, form.avatarfile.path)
        except InvalidError as error:
            form = FormErrors({}, {"avatarfile": gettext(error.detail)})
    if isinstance(form, FormErrors):
        row = await _row(actor)
        values = {
            "display_name": row["account_display_name"],
            "description": row["account_description"],
        }
        return await _profile(request, FormErrors(values), picture=form, status=400)
    return redirect(request, "/settings", flash=gettext("Your picture is saved."))


@pages.post("/settings/avatar/delete", access=Access.USER)
async def take_avatar_away(request: web.Request) -> web.Response:
    """No picture any more."""
    await remove_avatar((await require_actor(request)).account_id)
    return redirect(request, "/settings", flash=gettext("Your picture is removed."))


@pages.get("/settings/preferences", access=Access.USER)
async def show_preferences(request: web.Request) -> web.Response:
    """How the pages look and behave."""
    actor = await require_actor(request)
    chosen = Preferences.model_validate(actor.preferences)
    return _preferences(request, FormErrors(chosen.model_dump(mode="json")))


def _preferences(request: web.Request, form: FormErrors, *, status: int = 200) -> web.Response:
    return render(request, "accounts/settings_preferences.html", status=status, form=form)


@pages.post("/settings/preferences", access=Access.USER)
async def take_preferences(request: web.Request) -> web.Response:
    """New preferences."""
    form = await read_form(request, PreferencesForm)
    if isinstance(form, FormErrors):
        return _preferences(request, form, status=400)
    if form.language is not None and form.language not in languages():
        errors = {"language": gettext("Please choose one of the list.")}
        return _preferences(request, FormErrors(form.model_dump(mode="json"), errors), status=400)
    await own.update_me(await require_actor(request), UpdateMe(**form.model_dump()))
    response = redirect(
        request, "/settings/preferences", flash=gettext("Your preferences are saved.")
    )
    if form.theme in (Theme.LIGHT, Theme.DARK):
        response.set_cookie(
            _THEME_COOKIE,
            form.theme,
            max_age=_YEAR,
            path="/",
            samesite="Lax",
            secure=is_https(request),
        )
    else:
        response.del_cookie(_THEME_COOKIE, path="/")
    return response


@pages.get("/settings/email", access=Access.USER)
async def show_email(request: web.Request) -> web.Response:
    """The address."""
    row = await _row(await require_actor(request))
    return await _email(request, FormErrors({"email": row["pending_email"] or row["email"]}))


async def _email(request: web.Request, form: FormErrors, *, status: int = 200) -> web.Response:
    row = await _row(await require_actor(request))
    return render(
        request,
        "accounts/settings_email.html",
        status=status,
        form=form,
        user=row,
        can_send=can_send_mail(),
    )


@pages.post("/settings/email", access=Access.USER, rate="login")
async def take_email(request: web.Request) -> web.Response:
    """A new address: it counts once it is verified, where the site sends mail."""
    form = await read_form(request, EmailForm)
    if isinstance(form, FormErrors):
        return await _email(request, form, status=400)
    try:
        await own.update_me(await require_actor(request), UpdateMe(**form.model_dump()))
    except AppError as error:
        return await _email(request, refused(error, form), status=error.status)
    sentence = (
        gettext("Please open the link in the mail that we sent to your new address.")
        if can_send_mail()
        else gettext("Your address is changed.")
    )
    return redirect(request, "/settings/security", flash=sentence)


@pages.get("/settings/password", access=Access.USER)
async def show_password(request: web.Request) -> web.Response:
    """The form for a new password."""
    return _password(request, FormErrors())


def _password(request: web.Request, form: FormErrors, *, status: int = 200) -> web.Response:
    return render(request, "accounts/settings_password.html", status=status, form=form)


@pages.post("/settings/password", access=Access.USER, rate="login")
async def take_password(request: web.Request) -> web.Response:
    """A new password; all other sessions end."""
    form = await read_form(request, PasswordForm)
    if isinstance(form, FormErrors):
        return _password(request, form, status=400)
    try:
        await own.update_me(await require_actor(request), UpdateMe(**form.model_dump()))
    except AppError as error:
        return _password(request, refused(error, form), status=error.status)
    return redirect(request, "/settings/security", flash=gettext("Your password is changed."))


@pages.get("/settings/delete", access=Access.USER)
async def show_deletion(request: web.Request) -> web.Response:
    """What it means, and the password."""
    return await _deletion(request, FormErrors())


async def _deletion(request: web.Request, form: FormErrors, *, status: int = 200) -> web.Response:
    actor = await require_actor(request)
    return render(
        request,
        "accounts/settings_delete.html",
        status=status,
        form=form,
        is_root=actor.username == ROOT,
        videos=await queries.videos_count(actor.user_id),
    )


@pages.post("/settings/delete", access=Access.USER, rate="login")
async def take_deletion(request: web.Request) -> web.Response:
    """The user is gone."""
    actor = await require_actor(request)
    form = await read_form(request, DeletionForm)
    if isinstance(form, FormErrors):
        return await _deletion(request, form, status=400)
    try:
        await own.check_password(actor.user_id, form.current_password)
        await own.delete_me(actor)
    except AppError as error:
        return await _deletion(request, refused(error, form), status=error.status)
    return log_out_here(redirect(request, "/", flash=gettext("Your account is removed.")))
