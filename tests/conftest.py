"""What every test may ask for: settings, a real PostgreSQL and Redis, a database, a client.

One cluster serves the whole run: the first process that needs it starts it (a file lock decides)
and migrates a template once; every xdist worker copies that template. `tests/guard.py` ends the
servers with the run, however that ends.
"""

import asyncio
import contextlib
import fcntl
import json
import os
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import asyncpg
import hypothesis
import pytest
import structlog
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from argon2 import PasswordHasher

from app.config import settings
from app.core import db as database
from app.core import pagination
from tests import servers
from tests.statements import StatementCounter, counted_statements

# The same examples in every run, and no judgement by the clock of a busy machine.
hypothesis.settings.register_profile(
    "kinora",
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("kinora")

T = TypeVar("T")

#: What is logged reaches pytest (and `caplog`) as plain lines.
structlog.configure(
    processors=[
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.filter_by_level,
        structlog.processors.format_exc_info,
        structlog.stdlib.render_to_log_kwargs,
    ],
    logger_factory=structlog.stdlib.LoggerFactory(),
    wrapper_class=structlog.stdlib.BoundLogger,
)
TEMPLATE = "kinora_template"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Async tests first: Playwright's browser keeps a loop running in the thread of the tests."""
    items.sort(key=lambda item: "browser" in getattr(item, "fixturenames", ()))


def run_apart(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in a thread: a session fixture must not touch the loops of the tests."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, coroutine).result()


def database_url(folder: Path, name: str) -> str:
    """The URL of a database of the private cluster."""
    return f"postgres://kinora@/{name}?host={folder}"


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[Path]:
    """The socket folder of the run's cluster, which holds the migrated template."""
    if worker_id == "master":
        server = servers.start_postgres(watched=os.getpid())
        run_apart(_make_template(server.folder))
        yield server.folder
        server.stop()
        return
    shared = tmp_path_factory.getbasetemp().parent
    described = shared / "postgres.json"
    with (shared / "postgres.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not described.exists():
            server = servers.start_postgres(watched=os.getppid())
            run_apart(_make_template(server.folder))
            server.leave()
            described.write_text(json.dumps({"folder": str(server.folder)}))
    yield Path(json.loads(described.read_text())["folder"])


async def _make_template(folder: Path) -> None:
    await _administer(folder, f"CREATE DATABASE {TEMPLATE}")
    await database.migrate(database_url(folder, TEMPLATE))


async def _administer(folder: Path, *statements: str) -> None:
    connection = await asyncpg.connect(database_url(folder, "postgres"))
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


@pytest.fixture(scope="session")
def redis_server() -> Iterator[str]:
    """The URL of this process's own Redis (publish/subscribe knows no databases)."""
    server = servers.start_redis(watched=os.getpid())
    yield f"unix://{server.folder / 'redis.sock'}"
    server.stop()


@pytest.fixture(scope="session")
def make_database(postgres: Path) -> Callable[[str], str]:
    """Makes a migrated database of that name (anew, where there is one) and gives its URL."""

    def make(name: str) -> str:
        run_apart(
            _administer(
                postgres,
                f"DROP DATABASE IF EXISTS {name} WITH (FORCE)",
                f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}",
            )
        )
        return database_url(postgres, name)

    return make


@pytest.fixture(scope="session")
def settings_env(
    make_database: Callable[[str], str], redis_server: str, worker_id: str
) -> Iterator[dict[str, str]]:
    """The environment of this process's site: its database, its Redis, its folder of files."""
    folder = Path(redis_server.removeprefix("unix://")).parent  # its guard removes it
    environment = {
        "KINORA_DATABASE__URL": make_database(f"kinora_{worker_id}"),
        "KINORA_REDIS__URL": redis_server,
        "KINORA_STORAGE__ROOT": str(folder / "storage"),
        "KINORA_STORAGE__WORK": str(folder / "work"),
        "KINORA_SITE__PUBLIC_URL": "http://127.0.0.1:9000",
        "KINORA_RATE_LIMITS__ENABLED": "false",
        "KINORA_LOG__FORMAT": "text",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("KINORA_")]:
            patch.delenv(name)
        for name, value in environment.items():
            patch.setenv(name, value)
        settings.cache_clear()
        yield environment
    settings.cache_clear()


@pytest.fixture
def configure(
    settings_env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., None]]:
    """Change settings for one test, before what reads them: `configure(signup__mode="open")`."""

    def change(**values: object) -> None:
        for name, value in values.items():
            text = value if isinstance(value, str) else json.dumps(value)
            monkeypatch.setenv(f"KINORA_{name.upper()}", text)
        settings.cache_clear()

    yield change
    monkeypatch.undo()
    settings.cache_clear()


@contextlib.asynccontextmanager
async def _pool() -> AsyncIterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pagination, "KEPT_TIMES", 0)  # totals are exact
        async with database.database(settings().database.url.get_secret_value(), pool_size=10):
            yield


class _Undo(Exception):  # noqa: N818 - no error: how a test's transaction ends
    """Rolls back whatever a test did."""


@pytest.fixture
async def db(settings_env: dict[str, str]) -> AsyncIterator[None]:
    """An open pool; the test runs inside one transaction, which is rolled back."""
    async with _pool():
        with contextlib.suppress(_Undo):
            async with database.transaction():
                yield
                raise _Undo


@pytest.fixture
async def db_commit(settings_env: dict[str, str]) -> AsyncIterator[None]:
    """An open pool and real commits; every table is emptied afterwards."""
    async with _pool():
        yield
    await empty_tables(settings_env["KINORA_DATABASE__URL"])


#: Truncates only what holds rows: a TRUNCATE of all tables costs 100 times an empty check.
_EMPTY = """
DO $$
DECLARE name text; filled text[] := '{}'; found boolean;
BEGIN
    FOR name IN SELECT quote_ident(tablename) FROM pg_tables
        WHERE schemaname = 'public' AND tablename <> 'tortoise_migrations'
    LOOP
        EXECUTE 'SELECT EXISTS (SELECT FROM ' || name || ')' INTO found;
        IF found THEN filled := filled || name; END IF;
    END LOOP;
    IF cardinality(filled) > 0 THEN
        EXECUTE 'TRUNCATE ' || array_to_string(filled, ', ') || ' RESTART IDENTITY CASCADE';
    END IF;
END $$
"""


async def empty_tables(url: str) -> None:
    """Empty every table of the database, after ending what others still do in it."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            " AND backend_type = 'client backend'"
        )
        await connection.execute(_EMPTY)
    finally:
        await connection.close()


@pytest.fixture(scope="session", autouse=True)
def cheap_passwords() -> Iterator[None]:
    """Password hashes that take microseconds instead of a third of a second and 64 MiB."""
    from app.accounts import passwords

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            passwords, "_hasher", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
        )
        yield


@pytest.fixture
async def client(db_commit: None) -> AsyncIterator["TestClient[web.Request, web.Application]"]:
    """The whole site, listening on a free port, and a client of it."""
    from app.main import build_app

    async with TestClient(TestServer(build_app())) as site:
        yield site


@pytest.fixture
def max_queries() -> Callable[[int], contextlib.AbstractContextManager[StatementCounter]]:
    """`with max_queries(2): …` fails and prints them when more are sent (BEGIN is free)."""
    return counted_statements
