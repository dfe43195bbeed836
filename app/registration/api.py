"""REST: signing up, and the review of requests to sign up."""

from aiohttp import web

from app.config import SignupMode
from app.core import ratelimit
from app.core.api import Access, Api, Page, page
from app.registration import queries, service
from app.registration.schemas import (
    Register,
    Registration,
    RegistrationListQuery,
    RegistrationRequest,
    Review,
    registration,
)
from app.users.schemas import MailAddress, Verification

api = Api(tag="Register")


@api.post("/users/register")
async def register(request: web.Request, body: Register) -> None:
    """Sign up, where that is open."""
    await service.check_open(SignupMode.OPEN)
    await service.check_free(body)
    await ratelimit.check(request, "signup")  # here, so that a name that is taken costs nothing
    await service.register(body)


@api.post("/users/registrations/request", status=200, returns=Registration)
async def request_registration(
    request: web.Request, body: RegistrationRequest
) -> dict[str, object]:
    """Ask to sign up, where each request is looked at."""
    await service.check_open(SignupMode.APPROVAL)
    await service.check_free(body)
    await ratelimit.check(request, "signup")
    asked = await service.request(body)
    return registration(await queries.get_registration(asked.id))


@api.get("/users/registrations", access=Access.MODERATOR, returns=Page[Registration])
async def list_registrations(
    request: web.Request,
    query: RegistrationListQuery,
) -> Page[dict[str, object]]:
    """The requests to sign up."""
    rows = await queries.list_registrations(
        search=query.search,
        states=query.state_one_of,
        start=query.start,
        count=query.count,
        sort=query.sort,
    )
    total = await queries.count_registrations(search=query.search, states=query.state_one_of)
    return page(total, [registration(row) for row in rows])


@api.post("/users/registrations/{registration_id}/accept", access=Access.MODERATOR)
async def accept_registration(
    request: web.Request,
    registration_id: int,
    body: Review,
) -> None:
    """Say yes to a request: the user is made."""
    await service.accept(registration_id, body)


@api.post("/users/registrations/{registration_id}/reject", access=Access.MODERATOR)
async def reject_registration(
    request: web.Request,
    registration_id: int,
    body: Review,
) -> None:
    """Say no to a request."""
    await service.reject(registration_id, body)


@api.delete("/users/registrations/{registration_id}", access=Access.MODERATOR)
async def delete_registration(request: web.Request, registration_id: int) -> None:
    """Forget a request; a user that it became stays."""
    await service.delete(registration_id)


@api.post("/users/registrations/ask-send-verify-email", rate="mail")
async def ask_registration_verification(request: web.Request, body: MailAddress) -> None:
    """Mail the link again that verifies the address of a request."""
    await service.ask_verification(body.email)


@api.post("/users/registrations/{registration_id}/verify-email")
async def verify_registration_email(
    request: web.Request,
    registration_id: int,
    body: Verification,
) -> None:
    """Verify the address of a request with the secret that was mailed there."""
    await service.verify_email(registration_id, body.verification_string)
