"""Pages: the requests to sign up, for those who decide about them."""

from typing import Annotated, Final

from aiohttp import web
from pydantic import Field

from app.accounts.models import RegistrationState
from app.core.api import Access, Schema
from app.core.errors import AppError
from app.core.forms import FormErrors, read_form, refused
from app.core.i18n import gettext
from app.core.pages import Pages, redirect, render
from app.registration import queries, service
from app.registration.schemas import Reason, Review

pages = Pages()

PAGE: Final = 50


class RegistrationsQuery(Schema):
    """Which requests are listed, and from where on."""

    everything: bool = False
    start: Annotated[int, Field(ge=0, le=10_000_000)] = 0


class DecisionForm(Schema):
    """Yes or no, with words for the one who asked."""

    moderation_response: Reason
    is_quiet: bool = False
    decision: Annotated[str, Field(pattern="^(accept|reject)$")]


@pages.get("/admin/registrations", access=Access.MODERATOR)
async def show_registrations(request: web.Request, query: RegistrationsQuery) -> web.Response:
    """Those that wait, or all."""
    states = [] if query.everything else [RegistrationState.PENDING]
    return render(
        request,
        "admin/registrations.html",
        registrations=await queries.list_registrations(
            search=None, states=states, start=query.start, count=PAGE, sort="-createdAt"
        ),
        total=await queries.count_registrations(states=states),
        query=query,
        count=PAGE,
        address=lambda start: (
            f"/admin/registrations?start={start}&everything={str(query.everything).lower()}"
        ),
    )


@pages.get("/admin/registrations/{registration_id}", access=Access.MODERATOR)
async def show_registration(request: web.Request, registration_id: int) -> web.Response:
    """One request."""
    return await _show(request, registration_id, FormErrors())


async def _show(
    request: web.Request, registration_id: int, form: FormErrors, *, status: int = 200
) -> web.Response:
    return render(
        request,
        "admin/registration.html",
        status=status,
        registration=await queries.get_registration(registration_id),
        form=form,
    )


@pages.post("/admin/registrations/{registration_id}", access=Access.MODERATOR)
async def take_decision(request: web.Request, registration_id: int) -> web.Response:
    """Decided."""
    form = await read_form(request, DecisionForm)
    if isinstance(form, FormErrors):
        return await _show(request, registration_id, form, status=400)
    review = Review(
        moderation_response=form.moderation_response, prevent_email_delivery=form.is_quiet
    )
    try:
        if form.decision == "accept":
            await service.accept(registration_id, review)
        else:
            await service.reject(registration_id, review)
    except AppError as error:
        return await _show(request, registration_id, refused(error, form), status=error.status)
    flash = gettext("Accepted.") if form.decision == "accept" else gettext("Rejected.")
    return redirect(request, "/admin/registrations", flash=flash)


@pages.post("/admin/registrations/{registration_id}/delete", access=Access.MODERATOR)
async def take_deletion(request: web.Request, registration_id: int) -> web.Response:
    """Forgotten."""
    await service.delete(registration_id)
    return redirect(request, "/admin/registrations", flash=gettext("The request is forgotten."))
