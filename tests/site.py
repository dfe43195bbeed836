"""A real site for a test: `bin/run` on a folder of its own, as a person would start it."""

import contextlib
import http.client
import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import urlencode

ROOT = Path(__file__).parent.parent
BIN_RUN = ROOT / "bin" / "run"
SERVES = re.compile(r"Kinora runs at (\S+)")
PASSWORD = re.compile(r"the password (\S+)")
NOTHING: Mapping[str, str] = MappingProxyType({})
SECONDS_TO_STOP = 60  # far more than it may take: a test asserts that it ends, not how fast


@dataclass(slots=True)
class Site:
    """A site that runs, until `stop()`."""

    url: str
    data: Path
    admin_password: str
    process: subprocess.Popen[str]
    output: list[str] = field(default_factory=list)

    @property
    def pids(self) -> dict[str, int]:
        """Its processes as of now: postgres, redis, web, dispatcher, worker."""
        known = json.loads((self.data / "run" / "processes.json").read_text())
        return {name: pid for name, (pid, _) in known.items()}

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.url.rpartition(":")[2])

    def get(self, path: str) -> tuple[int, bytes]:
        """Status and body of a plain GET."""
        return self._ask("GET", path)

    def json(self, path: str) -> Any:
        """What a path answers, read as JSON; it must answer 200."""
        status, body = self.get(path)
        assert status == 200, body
        return json.loads(body)

    def post(self, path: str, fields: Mapping[str, str]) -> tuple[int, bytes]:
        """Status and body of a POST of form fields."""
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        return self._ask("POST", path, urlencode(fields), kind)

    def _ask(
        self, method: str, path: str, body: str | None = None, headers: Mapping[str, str] = NOTHING
    ) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body, dict(headers))
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def await_line(self, text: str) -> str:
        """The next line of its output that holds the text (the test's time limit ends the wait)."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.output.append(line.rstrip("\n"))
            if text in line:
                return self.output[-1]
        raise AssertionError("\n".join([f"it never said: {text}", *self.output]))

    def await_answer(self, path: str) -> bytes:
        """The body of a path, once it answers 200 (the test's time limit ends the wait)."""
        while True:
            with contextlib.suppress(OSError, http.client.HTTPException):
                status, body = self.get(path)
                if status == 200:
                    return body
            time.sleep(0.05)

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        """Stop it as Ctrl-C would; gives the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        rest, _ = self.process.communicate(timeout=SECONDS_TO_STOP)
        self.output += rest.splitlines()
        return self.process.returncode


def command(data: Path, *options: str) -> list[str]:
    """`bin/run` on that folder and any free port; it ends with the test run, however that ends."""
    return [
        *("setpriv", "--pdeathsig", "TERM", "--"),
        *(str(BIN_RUN), "--data", str(data), "--port", "0", *options),
    ]


def environment(**settings: str) -> dict[str, str]:
    """This process's environment without the settings of other tests, and with these."""
    inherited = {name: value for name, value in os.environ.items() if "KINORA_" not in name}
    return inherited | settings


def start_site(folder: Path, *options: str, **settings: str) -> Site:
    """Start a site in `folder`/data; `settings` are KINORA_… variables.

    `admin_password` is the printed one, else KINORA_ADMIN_PASSWORD, else "" (an older site's).
    """
    data = folder / "data"
    process = start(command(data, *options), **settings)
    output: list[str] = []
    assert process.stdout is not None
    for line in process.stdout:
        output.append(line.rstrip("\n"))
        if found := SERVES.match(line):
            printed = PASSWORD.search("\n".join(output))
            password = printed[1] if printed else settings.get("KINORA_ADMIN_PASSWORD", "")
            return Site(found[1], data, password, process, output)
    process.wait()
    raise AssertionError("\n".join(["the site did not start:", *output]))


def start(argv: Sequence[str], **settings: str) -> subprocess.Popen[str]:
    """Start a command with its output in one pipe."""
    return subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment(**settings),
    )
