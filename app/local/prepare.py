"""Makes ready what the site needs before it serves: a database, up to date, with an administrator.

A process of its own, so that its libraries do not stay in the supervisor's memory:
`python -m app.local.prepare SERVER_URL` writes what it made to standard output as a line of JSON.
"""

import asyncio
import json
import os
import sys

from app import config_report
from app.config import Settings
from app.core.db import database, migrate, wait_for


async def make_database(maintenance_url: str, name: str) -> None:
    """Make the database in the private server unless it is there."""
    connection = await wait_for(maintenance_url)
    try:
        if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", name):
            await connection.execute(f'CREATE DATABASE "{name}"')
    finally:
        await connection.close()


async def prepare(settings: Settings, maintenance_url: str) -> str | None:
    """Make everything ready; gives the administrator's password when it is a new one."""
    url = settings.database.url.get_secret_value()
    if maintenance_url:
        await make_database(maintenance_url, "kinora")
    await migrate(url)
    async with database(url, pool_size=1, application_name="kinora-prepare"):
        from app.sessions.service import ensure_oauth_client
        from app.users.service import ensure_root

        await ensure_oauth_client()
        return await ensure_root(os.environ.get("KINORA_ADMIN_PASSWORD") or None)


def main() -> None:
    """Prepare, or say in one sentence for each mistake why that cannot be."""
    try:
        password = asyncio.run(prepare(config_report.load(), sys.argv[1]))
    except config_report.ConfigurationError as error:
        sys.exit(str(error))
    except TimeoutError:
        sys.exit("PostgreSQL did not answer within a minute.")
    print(json.dumps({"password": password}))


if __name__ == "__main__":
    main()
