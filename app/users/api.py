"""REST: users, as those who moderate see and change them."""

from typing import Any

from aiohttp import web

from app.channels.queries import channels_of
from app.core.api import Access, Api, Page, page
from app.core.auth import require_actor
from app.core.errors import ForbiddenError, NotFoundError
from app.users import queries, service
from app.users.schemas import (
    AutocompleteQuery,
    BlockReason,
    CreatedUser,
    CreatedUserResponse,
    Identified,
    NewUser,
    StatsQuery,
    UpdateUser,
    User,
    UserListQuery,
    UserWithStats,
    user,
)

api = Api(tag="Users")


@api.get("/users", access=Access.MODERATOR, returns=Page[User])
async def list_users(
    request: web.Request,
    query: UserListQuery,
) -> Page[dict[str, Any]]:
    """The users of this site."""
    rows = await queries.list_users(
        search=query.search,
        blocked=query.blocked,
        start=query.start,
        count=query.count,
        sort=query.sort,
    )
    total = await queries.count_users(search=query.search, blocked=query.blocked)
    return page(total, [user(row) for row in rows])


@api.post("/users", access=Access.MODERATOR, status=200)
async def create_user(request: web.Request, body: NewUser) -> CreatedUserResponse:
    """Make a user; without a password, a mail asks for one."""
    made = await service.add_user(await require_actor(request), body)
    return CreatedUserResponse(
        user=CreatedUser(id=made.id, account=Identified(id=await queries.account_id_of(made.id)))
    )


@api.get("/users/autocomplete", access=Access.MODERATOR)
async def autocomplete_users(
    request: web.Request,
    query: AutocompleteQuery,
) -> list[str]:
    """Names that begin so."""
    return await queries.usernames_like(query.search)


@api.get("/users/{user_id}", access=Access.USER, returns=UserWithStats | User)
async def get_user(request: web.Request, user_id: int, query: StatsQuery) -> dict[str, Any]:
    """A user: oneself, or anybody for those who moderate."""
    actor = await require_actor(request)
    if actor.user_id != user_id and not actor.is_moderator:
        raise ForbiddenError("That is another user.")
    row = await queries.get_user(user_id)
    if row is None:
        raise NotFoundError("There is no such user.")
    found = user(row, await channels_of(row["account_id"]))
    if query.with_stats and actor.is_moderator:
        found["videosCount"] = await queries.videos_count(user_id)
    return found


@api.put("/users/{user_id}", access=Access.MODERATOR)
async def update_user(request: web.Request, user_id: int, body: UpdateUser) -> None:
    """Change a user; what is not sent stays."""
    await service.update_user(await require_actor(request), user_id, body)


@api.delete("/users/{user_id}", access=Access.MODERATOR)
async def delete_user(request: web.Request, user_id: int) -> None:
    """Remove a user with everything they made."""
    await service.delete_user(await require_actor(request), user_id)


@api.post("/users/{user_id}/block", access=Access.MODERATOR)
async def block_user(request: web.Request, user_id: int, body: BlockReason) -> None:
    """Lock a user out at once."""
    await service.block_user(await require_actor(request), user_id, body.reason)


@api.post("/users/{user_id}/unblock", access=Access.MODERATOR)
async def unblock_user(request: web.Request, user_id: int) -> None:
    """Let a user in again."""
    await service.unblock_user(await require_actor(request), user_id)
