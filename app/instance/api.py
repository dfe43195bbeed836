"""The site over REST: what it can do, what it says about itself, its numbers."""

from aiohttp import web

from app.config import settings
from app.core.api import Api
from app.core.errors import AppError
from app.instance import queries
from app.instance.schemas import SiteAbout, SiteStats, site_about, site_config
from app.registration.service import check_open

api = Api(tag="Config")


@api.get("/config")
async def get_config(request: web.Request) -> dict[str, object]:
    """What clients must know before they log in, upload, list or play."""
    try:
        await check_open(settings().signup.mode)
        allowed = True
    except AppError:
        allowed = False
    return site_config(signup_allowed=allowed)


@api.get("/config/about")
async def get_about(request: web.Request) -> SiteAbout:
    """What the site says about itself."""
    return site_about()


@api.get("/server/stats")
async def get_stats(request: web.Request) -> SiteStats:
    """The numbers of the site."""
    return SiteStats.model_validate(await queries.totals())
