"""The web process: every middleware and every feature, wired in lists, read top to bottom."""

import asyncio
import json
import os
import socket
from collections.abc import AsyncIterator

from aiohttp import web
from redis.asyncio import Redis

from app.accounts.api import api as accounts_api
from app.admin.jobs_api import api as jobs_api
from app.admin.jobs_pages import pages as jobs_admin_pages
from app.admin.registrations_pages import pages as registrations_admin_pages
from app.admin.users_pages import pages as users_admin_pages
from app.channels.api import api as channels_api
from app.channels.pages import pages as channel_pages
from app.config import settings
from app.core import db, log, metrics, openapi
from app.core.api import Api
from app.core.auth import IDENTIFY
from app.core.compress import compress
from app.core.failures import answer_errors
from app.core.health import lacking
from app.core.net import close_sessions
from app.core.observe import observe
from app.core.pages import Pages
from app.core.pubsub import PUBSUB, PubSub
from app.core.ratelimit import REDIS
from app.core.security import add_headers, guard
from app.core.static import static_files
from app.core.systemd import notify
from app.instance.api import api as instance_api
from app.instance.pages import pages as instance_pages
from app.playback.api import api as playback_api
from app.playback.downloads_api import api as downloads_api
from app.playback.pages import pages as playback_pages
from app.profiles.pages import pages as profile_pages
from app.registration.api import api as registration_api
from app.registration.pages import pages as registration_pages
from app.search.api import api as search_api
from app.search.pages import pages as search_pages
from app.sessions.api import api as sessions_api
from app.sessions.pages import pages as session_pages
from app.sessions.security_pages import pages as security_pages
from app.sessions.service import identify
from app.transcoding.api import api as transcoding_api
from app.uploads.api import api as uploads_api
from app.uploads.my_videos import pages as my_videos_pages
from app.uploads.pages import pages as upload_pages
from app.users.api import api as users_api
from app.users.own_api import api as own_user_api
from app.users.pages import pages as settings_pages
from app.videos.api import api as videos_api
from app.videos.owner_api import api as owner_api
from app.videos.pages import pages as video_pages

#: From the outside in.
MIDDLEWARES = (observe, compress, answer_errors, guard)

#: The REST interface, by feature.
APIS: tuple[Api, ...] = (
    sessions_api,
    registration_api,
    own_user_api,
    users_api,
    accounts_api,
    channels_api,
    uploads_api,
    transcoding_api,
    videos_api,
    owner_api,
    playback_api,
    downloads_api,
    search_api,
    instance_api,
    jobs_api,
)

#: The pages, by feature.
PAGES: tuple[Pages, ...] = (
    session_pages,
    registration_pages,
    settings_pages,
    security_pages,
    channel_pages,
    profile_pages,
    video_pages,
    upload_pages,
    my_videos_pages,
    search_pages,
    instance_pages,
    playback_pages,
    users_admin_pages,
    registrations_admin_pages,
    jobs_admin_pages,
)

#: systemd hands its listening socket over as this file descriptor.
INHERITED_SOCKET = 3
SHUTDOWN_SECONDS = 10
REDIS_SECONDS = 1.0


def build_app() -> web.Application:
    """The site as an aiohttp application, as the settings want it."""
    app = web.Application(middlewares=MIDDLEWARES)
    app.on_response_prepare.append(add_headers)
    app[IDENTIFY] = identify
    app.router.add_get("/api/v1/ping", ping)
    app.router.add_get("/static/app/{name:.+}", static_files().serve)
    for api in (*APIS, openapi.document_api(APIS)):
        app.add_routes(api.routes())
    for pages in PAGES:
        app.add_routes(pages.routes())
    app.cleanup_ctx.extend((_database, _redis, _words, _outbound))
    return app


async def ping(_: web.Request) -> web.Response:
    """Whether the site serves; asks nobody."""
    return web.Response(text="pong")


def serve() -> None:
    """Serve the site until SIGTERM: on the socket that systemd hands over, or on host and port."""
    log.configure("web")
    inherited = os.environ.get("LISTEN_PID") == str(os.getpid())
    where, app = settings().web, build_app()
    app.cleanup_ctx.extend((_metrics, _ready))
    web.run_app(
        app,
        sock=socket.socket(fileno=INHERITED_SOCKET) if inherited else None,
        host=None if inherited else where.host,
        port=None if inherited else where.port,
        access_log=None,
        print=None,
        shutdown_timeout=SHUTDOWN_SECONDS,
    )


def openapi_json() -> str:
    """The OpenAPI document, for `kinora openapi`."""
    document = openapi.openapi([endpoint for api in APIS for endpoint in api.endpoints])
    return json.dumps(document, indent=2, ensure_ascii=False)


async def _database(_: web.Application) -> AsyncIterator[None]:
    if db.is_open():  # a test holds it open around us
        yield
        return
    where = settings().database
    async with db.database(
        where.url.get_secret_value(), pool_size=where.pool_size, application_name="kinora-web"
    ):
        yield


async def _redis(app: web.Application) -> AsyncIterator[None]:
    redis = Redis.from_url(
        settings().redis.url.get_secret_value(),
        socket_timeout=REDIS_SECONDS,
        socket_connect_timeout=REDIS_SECONDS,
    )
    app[REDIS] = redis
    yield
    await redis.aclose()


async def _words(app: web.Application) -> AsyncIterator[None]:
    app[PUBSUB] = pubsub = PubSub(settings().redis.url.get_secret_value())
    listening = asyncio.create_task(pubsub.run())  # noqa: TID251 - lives as long as the process
    yield
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)
    await pubsub.close()


async def _outbound(_: web.Application) -> AsyncIterator[None]:
    yield
    await close_sessions()


async def _metrics(app: web.Application) -> AsyncIterator[None]:
    async def lacks() -> dict[str, str]:
        return await lacking(app[REDIS])

    where = settings()
    async with metrics.listener(where.web.metrics_port, host=where.metrics.host, lacks=lacks):
        yield


async def _ready(_: web.Application) -> AsyncIterator[None]:
    notify("READY=1")
    yield
    notify("STOPPING=1")
