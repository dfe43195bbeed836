"""Apache with docs/examples/apache/kinora.conf in front of a site, on ports and folders of its own.

Debian's own commands set it up, the very lines of the example's head, on a copy of /etc/apache2.
What systemd does on a host is done here: it holds the sockets of the web processes.
"""

import contextlib
import http.client
import os
import pwd
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from app.local import identity
from tests.appliance.people import Site as Visitor
from tests.site import ROOT, Site

EXAMPLE = ROOT / "docs/examples/apache/kinora.conf"
DOMAIN = "videos.example.org"
WEB_PROCESSES = 2
SECONDS = 60.0
#: Takes its standard input for the socket that systemd hands over as file descriptor 3.
INHERIT = 'export LISTEN_PID=$$ LISTEN_FDS=1; exec "$@" 3<&0 0</dev/null'
COMMAND = re.compile(r"^#   ((?:a2enmod|a2dissite|a2ensite) .+)$", re.MULTILINE)


class Front(Visitor):
    """A visitor of the site by way of Apache."""

    __slots__ = ("http_port", "https_port")

    def __init__(self, authority: Path, *, http_port: int, https_port: int) -> None:
        super().__init__(DOMAIN, "127.0.0.1", authority)
        self.http_port, self.https_port = http_port, https_port

    def connect(self, *, plain: bool = False) -> http.client.HTTPConnection:
        """A connection, for what `ask` does not do."""
        return self._connection(plain=plain)

    def _connection(self, *, plain: bool) -> http.client.HTTPConnection:
        port = self.http_port if plain else self.https_port
        raw = socket.create_connection((self.address, port), SECONDS)
        if plain:
            connection = http.client.HTTPConnection(self.domain, timeout=SECONDS)
            connection.sock = raw
            return connection
        secure = http.client.HTTPSConnection(self.domain, timeout=SECONDS)
        secure.sock = self._context.wrap_socket(raw, server_hostname=self.domain)
        return secure


@dataclass
class WebProcess:
    """A web process of a running site, on a socket that outlives it."""

    site: Site
    path: Path
    settings: dict[str, str]
    process: "subprocess.Popen[bytes] | None" = None
    held: socket.socket = field(default_factory=lambda: socket.socket(socket.AF_UNIX))

    def listen(self) -> None:
        """Hold the socket, as systemd does."""
        self.held.bind(str(self.path))
        self.path.chmod(0o666)
        self.held.listen(4096)

    def start(self) -> None:
        """Start the process."""
        user = identity.choose(self.site.data).able_to_use(
            self.site.data, Path(sys.executable), ROOT
        )
        inherited = {name: value for name, value in os.environ.items() if "KINORA_" not in name}
        self.process = subprocess.Popen(
            user.command("sh", "-c", INHERIT, "sh", sys.executable, "-P", "-m", "app", "web"),
            stdin=self.held.fileno(),
            cwd=ROOT,
            env=inherited | self.settings,
        )

    def stop(self) -> None:
        """Stop the process; the socket stays."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait()
            self.process = None


def programs() -> bool:
    """Whether Apache is installed, as Debian does it."""
    return all(Path("/usr/sbin", name).exists() for name in ("apache2", "a2enmod", "apache2ctl"))


def sends_files() -> bool:
    """Whether mod_xsendfile is installed."""
    return Path("/usr/lib/apache2/modules/mod_xsendfile.so").exists()


@dataclass
class Apache:
    """Apache, and the web processes behind it."""

    folder: Path
    site: Site
    accel_redirect: bool
    web: list[WebProcess] = field(default_factory=list)

    @property
    def maintenance(self) -> Path:
        """The file that closes the site."""
        return self.folder / "maintenance"

    @property
    def challenges(self) -> Path:
        """Where certbot would put its answers."""
        return self.folder / "html/.well-known/acme-challenge"

    @contextlib.contextmanager
    def running(self) -> Iterator[Front]:
        """Apache and the web processes run as long as the block."""
        ports = _free_port(), _free_port()
        self._make_certificate()
        self._configure(*ports)
        self._start_web()
        log = (self.folder / "apache.log").open("wb")
        configuration = self.folder / "apache2"
        process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "TERM", "--", "/usr/sbin/apache2", "-d", configuration,
             "-f", configuration / "apache2.conf", "-DFOREGROUND"],
            env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        )  # fmt: skip
        front = Front(self.folder / "site.pem", http_port=ports[0], https_port=ports[1])
        try:
            self._await_answer(front, process)
            yield front
        finally:
            process.terminate()
            process.wait()
            log.close()
            for each in self.web:
                each.stop()
                each.held.close()

    @property
    def environment(self) -> dict[str, str]:
        """What Debian's commands and Apache itself are told."""
        owner = pwd.getpwuid(self.site.data.stat().st_uid)
        folder = str(self.folder)
        return {
            "PATH": f"{os.environ['PATH']}:/usr/sbin",
            "LANG": "C",
            "APACHE_CONFDIR": f"{folder}/apache2",
            "APACHE_STATE_DIRECTORY": f"{folder}/state",
            "APACHE_ENVVARS": f"{folder}/apache2/envvars",
            "APACHE_RUN_USER": owner.pw_name,
            "APACHE_RUN_GROUP": f"#{owner.pw_gid}",
            "APACHE_PID_FILE": f"{folder}/apache.pid",
            "APACHE_RUN_DIR": folder,
            "APACHE_LOCK_DIR": folder,
            "APACHE_LOG_DIR": folder,
        }

    def check(self) -> str:
        """What `apache2ctl configtest` says."""
        done = self._run("apache2ctl", "configtest")
        return done.stdout + done.stderr

    def _configure(self, http_port: int, https_port: int) -> None:
        """A copy of /etc/apache2 with the example in it, set up by the lines of the example."""
        copy = self.folder / "apache2"
        shutil.copytree("/etc/apache2", copy, symlinks=True)
        for link in (copy / "sites-enabled").iterdir():
            if link.name != "000-default.conf":
                link.unlink()
        (copy / "ports.conf").write_text(
            f"Listen 127.0.0.1:{http_port}\nListen 127.0.0.1:{https_port}\n"
        )
        names = ("USER", "GROUP")
        set_here = {f"APACHE_RUN_{name}" for name in names} | {
            "APACHE_PID_FILE", "APACHE_RUN_DIR", "APACHE_LOCK_DIR", "APACHE_LOG_DIR"
        }  # fmt: skip
        (copy / "envvars").write_text(
            "".join(f"export {name}='{self.environment[name]}'\n" for name in sorted(set_here))
        )
        main = copy / "apache2.conf"
        main.write_text(main.read_text().replace("/var/www/", f"{self.folder}/html/"))
        self.challenges.mkdir(parents=True)
        (copy / "sites-available/kinora.conf").write_text(
            self._with_places_of_ours(EXAMPLE.read_text(), http_port, https_port)
        )
        for line in COMMAND.findall(EXAMPLE.read_text()):
            done = self._run(*line.split())
            assert done.returncode == 0, done.stdout + done.stderr
        if self.accel_redirect:
            assert self._run("a2enmod", "xsendfile").returncode == 0

    def _with_places_of_ours(self, text: str, http_port: int, https_port: int) -> str:
        """The example with other paths, ports and certificate, and nothing else."""
        for theirs, ours in {
            "*:80>": f"*:{http_port}>",
            "*:443>": f"*:{https_port}>",
            "/run/kinora/": f"{self.folder}/",
            "/etc/letsencrypt/live/kinora/fullchain.pem": f"{self.folder}/site.pem",
            "/etc/letsencrypt/live/kinora/privkey.pem": f"{self.folder}/site.key",
            "/etc/kinora/maintenance": str(self.maintenance),
            "/var/www/html/": f"{self.folder}/html/",
            "/var/lib/kinora/storage": f"{self.site.data}/storage",
        }.items():
            assert theirs in text
            text = text.replace(theirs, ours)
        return text

    def _run(self, *command: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            command, check=False, capture_output=True, text=True, env=self.environment
        )

    def _make_certificate(self) -> None:
        subprocess.run(
            "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
            f" -subj /CN={DOMAIN} -addext subjectAltName=DNS:{DOMAIN}"
            f" -keyout {self.folder}/site.key -out {self.folder}/site.pem".split(),
            check=True,
            capture_output=True,
        )

    def _start_web(self) -> None:
        settings = {
            "KINORA_CONFIG": str(self.site.data / "run/kinora.toml"),
            "KINORA_SITE__PUBLIC_URL": f"https://{DOMAIN}",
            "KINORA_WEB__ACCEL_REDIRECT": str(self.accel_redirect).lower(),
            "KINORA_RATE_LIMITS__ENABLED": "false",
        }
        for number in range(1, WEB_PROCESSES + 1):
            process = WebProcess(self.site, self.folder / f"web-{number}.sock", settings)
            self.web.append(process)
            process.listen()
            process.start()

    def _await_answer(self, front: Front, process: "subprocess.Popen[bytes]") -> None:
        end = time.monotonic() + SECONDS
        while process.poll() is None and time.monotonic() < end:
            with contextlib.suppress(OSError):
                if front.ask("GET", "/api/v1/ping")[0] == http.HTTPStatus.OK:
                    return
            time.sleep(0.1)
        logs = [self.folder / "apache.log", self.folder / "error.log"]
        raise AssertionError("\n".join(log.read_text() for log in logs if log.exists()))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
