"""REST: accounts as everybody sees them."""

from aiohttp import web

from app.accounts import queries
from app.accounts.schemas import Account, account
from app.core.api import Api, ListQuery, Page, page
from app.core.errors import NotFoundError

api = Api(tag="Accounts")


@api.get("/accounts", returns=Page[Account])
async def list_accounts(
    request: web.Request,
    query: ListQuery,
) -> Page[dict[str, object]]:
    """The accounts of this site, and those it knows of others."""
    rows = await queries.list_accounts(start=query.start, count=query.count, sort=query.sort)
    return page(await queries.count_accounts(), [account(row) for row in rows])


@api.get("/accounts/{handle}", returns=Account)
async def get_account(request: web.Request, handle: str) -> dict[str, object]:
    """An account, by `name` or `name@host`."""
    row = await queries.account_by_handle(handle)
    if row is None:
        raise NotFoundError("There is no such account.")
    return account(row)
