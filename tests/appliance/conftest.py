"""A bare host of the laboratory, where this machine can boot one."""

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.lab import hosts
from tests.lab.machine import LabError, demand_all
from tests.lab.network import NET

ROOT = Path(__file__).parent.parent.parent
LABHOST = ROOT / "tests/lab/labhost"
#: Addresses that no scenario uses.
ADDRESSES = range(240, 255)


@dataclass(frozen=True)
class BareHost:
    """A running host, and the key that opens it."""

    name: str
    ip: str
    key: Path

    def ssh(self, command: str) -> subprocess.CompletedProcess[str]:
        """Run a command there as the account that may become root."""
        return subprocess.run(
            ["ssh", "-q", "-i", self.key, "-o", "StrictHostKeyChecking=no", "-o",
             "UserKnownHostsFile=/dev/null", f"deploy@{self.ip}", command],
            check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL,
        )  # fmt: skip


def labhost(*command: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the laboratory's command."""
    return subprocess.run([LABHOST, *command], check=False, capture_output=True, text=True)


def remove_leftovers() -> None:
    """Hosts of test runs that were killed: their names tell the process that made them."""
    for host in hosts.known():
        kind, _, pid = host.name.partition("-")
        if kind == "test" and pid.isdecimal() and not Path(f"/proc/{pid}").exists():
            labhost("down", host.name)


@pytest.fixture(scope="session")
def bare_host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BareHost]:
    """A bare Debian host, made for this run."""
    try:
        demand_all()
    except LabError as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"no bare host: {error}")
    remove_leftovers()
    key = tmp_path_factory.mktemp("key") / "id_ed25519"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    name = f"test-{os.getpid()}"
    for last in ADDRESSES:
        ip = f"{NET}.{last}"
        told = f"--release=trixie --ip={ip} --ssh-key={key}.pub".split()
        done = labhost("up", name, *told)
        if "has the address" not in done.stderr:
            break
    try:
        assert done.returncode == 0, done.stderr
        waited = labhost("wait", name)
        assert waited.returncode == 0, waited.stderr
        yield BareHost(name, ip, key)
    finally:
        labhost("down", name)
