"""The settings of a site that bin/run starts: the person's, over what the site knows by itself.

The person's file is `kinora.toml` in the data folder. What the processes read is that file laid
over what is known here, written to `run/kinora.toml` at each start; the environment wins over both.
"""

import errno
import json
import os
import socket
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from app.local import services
from app.local.folder import DataFolder
from app.local.options import DEFAULT_HOST, DEFAULT_PORT
from app.local.trouble import TroubleError

Tables = dict[str, dict[str, object]]
OWN_FILE = """\
# The settings of this site, read when it starts; docs/settings.md lists them all. For example:
#
# [site]
# name = "Our videos"
#
# [signup]
# mode = "open"
"""


@dataclass(frozen=True, slots=True)
class Wiring:
    """How the processes find each other, and the site its visitors."""

    host: str
    port: int
    public_url: str
    own_database: bool
    own_redis: bool
    config: Path
    environment: Mapping[str, str]


def wire(folder: DataFolder, *, host: str | None, port: int | None) -> Wiring:
    """Write the settings file of this start; `host` and `port` are those of the command line."""
    own = _own_settings(folder)
    web, site = own.setdefault("web", {}), own.setdefault("site", {})
    host = host or os.environ.get("KINORA_WEB__HOST") or str(web.get("host", DEFAULT_HOST))
    port = _port(port if port is not None else _set("web", "port", web, DEFAULT_PORT))
    port = free_port(host, port)
    sockets = folder.sockets()
    known: Tables = {
        "site": {"public_url": address(host, port)},
        "database": {"url": services.database_url(sockets)},
        "redis": {"url": services.redis_url(sockets)},
        "storage": {"root": str(folder.root / "storage"), "work": str(folder.root / "work")},
        "log": {"format": "text"},
    }
    merged = {name: known.get(name, {}) | own.get(name, {}) for name in [*known, *own]}
    merged["web"] |= {"host": host, "port": port}
    config = folder.write(folder.root / "run" / "kinora.toml", as_toml(merged))
    environment = {
        name: value
        for name, value in os.environ.items()
        if name.upper() not in {"KINORA_WEB__HOST", "KINORA_WEB__PORT"}
    }
    url = os.environ.get("KINORA_SITE__PUBLIC_URL") or site.get("public_url") or address(host, port)
    return Wiring(
        host=host,
        port=port,
        public_url=str(url),
        own_database=not _is_set("database", "url", own),
        own_redis=not _is_set("redis", "url", own),
        config=config,
        environment=environment | {"KINORA_CONFIG": str(config), "HOME": str(folder.root)},
    )


def _own_settings(folder: DataFolder) -> Tables:
    path = Path(os.environ.get("KINORA_CONFIG") or folder.root / "kinora.toml")
    if not path.exists() and "KINORA_CONFIG" not in os.environ:
        folder.write(path, OWN_FILE)
    try:
        tables = tomllib.loads(path.read_text())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise TroubleError(f"The settings file {path} cannot be read: {error}.") from error
    if wrong := [name for name, table in tables.items() if not isinstance(table, dict)]:
        raise TroubleError(
            f"In the settings file {path}, {wrong[0]} must be a table: [{wrong[0]}]."
        )
    return tables


def _set(section: str, name: str, table: Mapping[str, object], default: object) -> object:
    return os.environ.get(f"KINORA_{section}__{name}".upper()) or table.get(name, default)


def _is_set(section: str, name: str, own: Tables) -> bool:
    return bool(_set(section, name, own.get(section, {}), None))


def _port(value: object) -> int:
    try:
        port = int(str(value))
    except ValueError:
        port = -1
    if not 0 <= port <= 65535:
        raise TroubleError(
            f"{value} is no port: it must be a number from 0 (any free one) to 65535."
        )
    return port


def free_port(host: str, port: int) -> int:
    """The port, or a free one for 0; raises TroubleError when the site could not listen there."""
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(where)
            return int(probe.getsockname()[1])
    except socket.gaierror as error:
        raise TroubleError(f"There is no address {host} on this machine.") from error
    except PermissionError as error:
        raise TroubleError(f"Port {port} is for root only; choose one above 1023.") from error
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise TroubleError(
                f"Port {port} of {host} is in use by another program; choose one with --port."
            ) from error
        raise TroubleError(f"Kinora cannot listen on {host}: {error.strerror}.") from error


def address(host: str, port: int) -> str:
    """The URL for people; one that listens everywhere is reached by this machine's own address."""
    if host in {"0.0.0.0", "::", ""}:  # noqa: S104 - compared, not bound
        host = _outward_address(socket.AF_INET6 if host == "::" else socket.AF_INET)
    return f"http://{f'[{host}]' if ':' in host else host}{'' if port == 80 else f':{port}'}"


def _outward_address(family: socket.AddressFamily) -> str:
    target = "2001:db8::1" if family == socket.AF_INET6 else "192.0.2.1"
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((target, 9))  # chooses a route; sends nothing
            return str(probe.getsockname()[0])
    except OSError:
        return "127.0.0.1"


def as_toml(tables: Tables) -> str:
    """Tables of texts, numbers, truths and lists of these, which JSON writes as TOML does."""
    lines = []
    for name, table in tables.items():
        lines.append(f"[{name}]")
        lines += [
            f"{json.dumps(key)} = {json.dumps(value, ensure_ascii=False, default=str)}"
            for key, value in table.items()
        ]
    return "\n".join(lines) + "\n"
