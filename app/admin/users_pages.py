"""Pages: the users of the site, for those who look after them."""

from typing import Annotated, Final
from urllib.parse import urlencode

from aiohttp import web
from pydantic import Field

from app.accounts.names import DisplayName, Email, Password, Username
from app.core.api import Access, Schema
from app.core.auth import Role, require_actor
from app.core.db import Row
from app.core.errors import AppError, NotFoundError
from app.core.forms import FormErrors, read_form, refused
from app.core.i18n import gettext
from app.core.mail import can_send_mail
from app.core.pages import Pages, redirect, render
from app.users import queries, service
from app.users.schemas import BlockReason, NewUser, UpdateUser
from app.users.service import ROOT

pages = Pages()

PAGE: Final = 50
GIGABYTE: Final = 1000**3

#: what a form takes; nothing is no limit
Gigabytes = Annotated[float, Field(ge=0, le=9_000_000)] | None


class UsersQuery(Schema):
    """Which users are listed, and from where on."""

    search: Annotated[str, Field(max_length=100)] | None = None
    blocked: bool | None = None
    start: Annotated[int, Field(ge=0, le=10_000_000)] = 0


class UserForm(Schema):
    """What can be changed about a user."""

    email: Email
    role: Role = Role.USER
    quota: Gigabytes = None
    quota_daily: Gigabytes = None
    password: Password | None = None


class NewUserForm(UserForm):
    """The same of a new one."""

    username: Username
    display_name: DisplayName | None = None


def _bytes(gigabytes: float | None) -> int:
    return -1 if gigabytes is None else round(gigabytes * GIGABYTE)


def _gigabytes(size: int) -> str:
    return "" if size < 0 else f"{size / GIGABYTE:.9f}".rstrip("0").rstrip(".")


def _roles() -> list[tuple[int, str]]:
    return [
        (int(Role.USER), gettext("User")),
        (int(Role.MODERATOR), gettext("Moderator")),
        (int(Role.ADMINISTRATOR), gettext("Administrator")),
    ]


@pages.get("/admin/users", access=Access.MODERATOR)
async def show_users(request: web.Request, query: UsersQuery) -> web.Response:
    """All of them, or those who match."""
    users = await queries.list_users(
        search=query.search, blocked=query.blocked, start=query.start, count=PAGE, sort=None
    )
    total = await queries.count_users(search=query.search, blocked=query.blocked)

    def at(start: int) -> str:
        kept = {"search": query.search, "start": start or None}
        if query.blocked is not None:
            kept["blocked"] = str(query.blocked).lower()
        return f"/admin/users?{urlencode({k: v for k, v in kept.items() if v is not None})}"

    return render(
        request,
        "admin/users.html",
        users=users,
        total=total,
        query=query,
        count=PAGE,
        address=at,
        roles=dict(_roles()),
    )


@pages.get("/admin/users/new", access=Access.MODERATOR)
async def show_new_user(request: web.Request) -> web.Response:
    """The form of a new one."""
    return _new(request, FormErrors({"role": int(Role.USER)}))


def _new(request: web.Request, form: FormErrors, *, status: int = 200) -> web.Response:
    return render(
        request,
        "admin/user_new.html",
        status=status,
        form=form,
        roles=_roles(),
        can_send=can_send_mail(),
    )


@pages.post("/admin/users/new", access=Access.MODERATOR)
async def take_new_user(request: web.Request) -> web.Response:
    """A new user; without a password, a mail asks for one."""
    form = await read_form(request, NewUserForm)
    if isinstance(form, FormErrors):
        return _new(request, form, status=400)
    new = NewUser(
        username=form.username,
        display_name=form.display_name,
        email=form.email,
        role=form.role,
        password=form.password or "",
        video_quota=_bytes(form.quota),
        video_quota_daily=_bytes(form.quota_daily),
    )
    try:
        made = await service.add_user(await require_actor(request), new)
    except AppError as error:
        return _new(request, refused(error, form), status=error.status)
    return redirect(
        request, "/admin/users", flash=gettext("%(name)s is there.") % {"name": made.username}
    )


async def _row(user_id: int) -> Row:
    row = await queries.get_user(user_id)
    if row is None:
        raise NotFoundError("There is no such user.")
    return row


@pages.get("/admin/users/{user_id}", access=Access.MODERATOR)
async def show_user(request: web.Request, user_id: int) -> web.Response:
    """One user."""
    row = await _row(user_id)
    return await _edit(request, row, _values(row))


def _values(row: Row) -> FormErrors:
    return FormErrors(
        {
            "email": row["email"],
            "role": row["role"],
            "quota": _gigabytes(row["video_quota"]),
            "quota_daily": _gigabytes(row["video_quota_daily"]),
        }
    )


async def _edit(
    request: web.Request, row: Row, form: FormErrors, *, status: int = 200
) -> web.Response:
    actor = await require_actor(request)
    return render(
        request,
        "admin/user.html",
        status=status,
        user=row,
        form=form,
        roles=_roles(),
        videos=await queries.videos_count(row["user_id"]),
        may_change=actor.is_administrator or row["role"] == Role.USER,
        may_end=row["username"] != ROOT and row["user_id"] != actor.user_id,
    )


@pages.post("/admin/users/{user_id}", access=Access.MODERATOR)
async def take_user(request: web.Request, user_id: int) -> web.Response:
    """A changed user."""
    row = await _row(user_id)
    form = await read_form(request, UserForm)
    if isinstance(form, FormErrors):
        return await _edit(request, row, form, status=400)
    change = UpdateUser(
        email=form.email if form.email != row["email"] else None,
        role=form.role,
        password=form.password,
        video_quota=_bytes(form.quota),
        video_quota_daily=_bytes(form.quota_daily),
    )
    try:
        await service.update_user(await require_actor(request), user_id, change)
    except AppError as error:
        return await _edit(request, row, refused(error, form), status=error.status)
    return redirect(request, f"/admin/users/{user_id}", flash=gettext("Saved."))


@pages.post("/admin/users/{user_id}/block", access=Access.MODERATOR)
async def take_block(request: web.Request, user_id: int) -> web.Response:
    """Locked out."""
    row = await _row(user_id)
    form = await read_form(request, BlockReason)
    if isinstance(form, FormErrors):
        values = _values(row).values
        return await _edit(request, row, FormErrors(values, form.errors, form.message), status=400)
    await service.block_user(await require_actor(request), user_id, form.reason)
    return redirect(request, f"/admin/users/{user_id}", flash=gettext("The user is blocked."))


@pages.post("/admin/users/{user_id}/unblock", access=Access.MODERATOR)
async def take_unblock(request: web.Request, user_id: int) -> web.Response:
    """Let in again."""
    await service.unblock_user(await require_actor(request), user_id)
    return redirect(
        request, f"/admin/users/{user_id}", flash=gettext("The user is no longer blocked.")
    )


@pages.get("/admin/users/{user_id}/delete", access=Access.MODERATOR)
async def show_deletion(request: web.Request, user_id: int) -> web.Response:
    """What it means."""
    return render(
        request,
        "admin/user_delete.html",
        user=await _row(user_id),
        videos=await queries.videos_count(user_id),
    )


@pages.post("/admin/users/{user_id}/delete", access=Access.MODERATOR)
async def take_deletion(request: web.Request, user_id: int) -> web.Response:
    """Gone."""
    await service.delete_user(await require_actor(request), user_id)
    return redirect(request, "/admin/users", flash=gettext("The user is removed."))
