"""Two questions about a site that starts: need anything be prepared, and does it answer.

Both are asked without the site's libraries, which would take longer to load than all else.
"""

import socket
import subprocess
from pathlib import Path

from app.local.services import USER
from app.local.wiring import Wiring

MIGRATIONS = Path(__file__).parent.parent / "migrations"

#: The migrations that were made, and a last line where the site has users.
STATE = """
SELECT name FROM tortoise_migrations WHERE app = 'models'
UNION ALL SELECT 'has users' WHERE EXISTS (SELECT FROM "user")
"""


def is_prepared(programs: Path, sockets: Path) -> bool | None:
    """Whether the private database is up to date and has users; None before the server answers.

    `programs` is the folder of PostgreSQL's programs.
    """
    connect = ("-h", str(sockets), "-U", USER, "-d", USER)
    ask = [str(programs / "psql"), "-X", "-A", "-t", *connect, "-c", STATE]
    try:
        answer = subprocess.run(ask, check=False, capture_output=True, text=True)
    except OSError:
        return False  # no psql: preparing finds out, and takes longer
    if answer.returncode == 2 and "does not exist" not in answer.stderr:
        return None
    return set(answer.stdout.split("\n")) - {""} == _wanted()


def _wanted() -> set[str]:
    return {path.stem for path in MIGRATIONS.glob("[0-9]*.py")} | {"has users"}


def answers(site: Wiring) -> bool:
    """Whether the site answers a ping."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(site.host, site.host)  # noqa: S104 - compared
    name = site.public_url.partition("://")[2].partition("/")[0]
    request = f"GET /api/v1/ping HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n"
    try:
        with socket.create_connection((host, site.port), timeout=5) as connection:
            connection.sendall(request.encode())
            answer = connection.makefile("rb").read()
    except OSError:
        return False
    return answer.startswith(b"HTTP/1.1 200 ") and answer.endswith(b"pong")
