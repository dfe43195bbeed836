"""`bin/run` as a person uses it: start, start again, start twice, stop, crash."""

import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.local.folder import born_at
from tests.site import SECONDS_TO_STOP, Site, command, start, start_site

pytestmark = [pytest.mark.site, pytest.mark.slow]


@pytest.fixture
def sites() -> Iterator[list[Site]]:
    """Sites that are stopped when the test ends, however it does."""
    started: list[Site] = []
    yield started
    for site in started:
        site.stop()


def ends(pid: int) -> None:
    """Wait until a process has ended, be it ours or not."""
    try:
        watch = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    with os.fdopen(watch) as ended:
        assert select.select([ended], [], [], SECONDS_TO_STOP)[0], command_line(pid)


def command_line(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")


def descendants(pid: int) -> list[int]:
    """A process's children and theirs."""
    below: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in map(int, (task / "children").read_text().split()):
            below += [child, *descendants(child)]
    return below


def refused(argv: list[str], **settings: str) -> str:
    """The sentence with which a start that cannot be is refused."""
    process = start(argv, **settings)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 1, output
    assert "Traceback" not in output
    (sentence,) = [line for line in output.splitlines() if line.startswith("Kinora cannot start. ")]
    return sentence


def log_in(site: Site, password: str) -> int:
    """The status of logging in as root, the way PeerTube's clients do."""
    _, answer = site.get("/api/v1/oauth-clients/local")
    client = json.loads(answer)
    fields = {
        "client_id": client["client_id"],
        "client_secret": client["client_secret"],
        "grant_type": "password",
        "username": "root",
        "password": password,
    }
    return site.post("/api/v1/users/token", fields)[0]


def test_a_life(tmp_path: Path, sites: list[Site]) -> None:
    """First start, password, second instance, Ctrl-C, second start."""
    site = start_site(tmp_path)
    sites.append(site)
    assert site.get("/api/v1/ping") == (200, b"pong")
    assert set(site.pids) == {"postgres", "redis", "web", "dispatcher", "worker"}
    assert site.admin_password
    assert log_in(site, site.admin_password) == 200

    second = refused(command(site.data))
    assert f"Kinora already runs on {site.data} (process" in second
    assert site.url in second
    taken = command(tmp_path / "other", "--port", str(site.port))
    assert f"Port {site.port} of 127.0.0.1 is in use by another program" in refused(taken)

    everything = descendants(site.process.pid)
    assert set(site.pids.values()) <= set(everything)
    assert site.stop(signal.SIGINT) == 0, site.output
    assert site.output[-2:] == ["Stopping.", "Kinora has stopped."]
    assert [command_line(pid) for pid in everything if born_at(pid)] == []

    again = start_site(tmp_path)
    sites.append(again)
    assert again.admin_password == ""
    assert "password" not in "\n".join(again.output)
    assert log_in(again, site.admin_password) == 200
    assert again.stop(signal.SIGTERM) == 0, again.output


def test_a_killed_supervisor_leaves_nothing_and_the_next_start_is_well(
    tmp_path: Path, sites: list[Site]
) -> None:
    site = start_site(tmp_path, KINORA_ADMIN_PASSWORD="a good password")
    sites.append(site)
    assert site.admin_password not in "\n".join(site.output)
    everything = descendants(site.process.pid)
    site.process.kill()
    for pid in everything:
        ends(pid)
    again = start_site(tmp_path)
    sites.append(again)
    assert log_in(again, "a good password") == 200


def test_what_falls_is_started_again(tmp_path: Path, sites: list[Site]) -> None:
    site = start_site(tmp_path)
    sites.append(site)
    before = site.pids
    for name in ("redis", "worker", "dispatcher", "web", "postgres"):
        os.kill(before[name], signal.SIGKILL)
        site.await_line(f"{name} was ended by SIGKILL, starting it again")
    site.await_answer("/api/v1/config")
    assert not set(before.values()) & set(site.pids.values())


def test_a_disk_that_fills_up_neither_ends_it_nor_keeps_it_from_ending(
    tmp_path: Path, sites: list[Site]
) -> None:
    site = start_site(tmp_path)
    sites.append(site)
    (site.data / "run" / "processes.json.part").symlink_to("/dev/full")
    (site.data / "log" / "redis.log").unlink()
    (site.data / "log" / "redis.log").symlink_to(tmp_path / "no" / "room")
    os.kill(site.pids["redis"], signal.SIGKILL)
    site.await_line("redis was ended by SIGKILL, starting it again")
    site.await_answer("/api/v1/config")
    assert site.stop() == 0, site.output
    assert site.output[-2:] == ["Stopping.", "Kinora has stopped."]


def test_a_closed_terminal_stops_it_in_order(tmp_path: Path) -> None:
    site = start_site(tmp_path)
    assert site.process.stdout is not None
    site.process.stdout.close()
    site.process.send_signal(signal.SIGHUP)
    assert site.process.wait() == 0
    assert "database system is shut down" in (site.data / "log" / "postgres.log").read_text()


def test_the_bundled_programs(tmp_path: Path, sites: list[Site]) -> None:
    site = start_site(tmp_path, "--bundled")
    sites.append(site)
    first = site.output[0] if "with" in site.output[0] else " ".join(site.output)
    assert first.count("(bundled)") == 3
    assert site.get("/api/v1/ping") == (200, b"pong")
    ffmpeg = site.data / "run" / "bin" / "ffmpeg"
    assert "imageio_ffmpeg" in str(ffmpeg.readlink())
    shown = subprocess.run([ffmpeg, "-version"], check=True, capture_output=True, text=True)
    assert shown.stdout.startswith("ffmpeg version ")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root changes the user")
def test_nothing_of_a_site_runs_as_root(tmp_path: Path, sites: list[Site]) -> None:
    site = start_site(tmp_path)
    sites.append(site)
    for pid in descendants(site.process.pid):
        assert Path(f"/proc/{pid}").stat().st_uid != 0, command_line(pid)


def test_troubles_are_told_in_a_sentence(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "kinora.toml").touch()
    (data / "kinora.lock").touch()
    wrong_name = refused(command(data), KINORA_SITE__NAM="x")
    assert "did you mean KINORA_SITE__NAME?" in wrong_name
    (data / "kinora.toml").write_text("[web]\nport = 'many'\n")
    assert "many is no port" in refused(command(data)[:-2])
    other = tmp_path / "photos"
    other.mkdir()
    (other / "cat.jpg").touch()
    assert "holds something else" in refused(command(other))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert f"Port {port} of 127.0.0.1 is in use" in refused(
            command(tmp_path / "new", "--port", str(port))
        )


def test_a_setting_that_is_wrong_at_a_later_start_is_told_at_once(tmp_path: Path) -> None:
    site = start_site(tmp_path)
    assert site.stop() == 0
    process = start(command(site.data), KINORA_SITE__NAM="x")
    output, _ = process.communicate()
    assert process.returncode == 1
    assert "did you mean KINORA_SITE__NAME?" in output
    assert output.count("starting it again") <= 1


def test_the_kinora_command_administers_it(tmp_path: Path, sites: list[Site]) -> None:
    site = start_site(tmp_path)
    sites.append(site)

    def kinora(*words: str, password: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "app", *words],
            input=f"{password}\n",
            env=os.environ | {"KINORA_CONFIG": str(site.data / "run" / "kinora.toml")},
            capture_output=True,
            text=True,
            check=False,
        )

    assert kinora("admin", "reset-password", "root", password="a new password").returncode == 0
    assert log_in(site, "a new password") == 200
    assert kinora("admin", "create", "ada", "ada@example.org", password="p4ssw0rd").returncode == 0
    twice = kinora("admin", "create", "ada", "ada@example.org", password="p4ssw0rd")
    assert twice.returncode == 1
    assert "Traceback" not in twice.stderr
    nobody = kinora("admin", "reset-password", "nobody-here", password="a new password")
    assert nobody.stderr == "There is no user nobody-here.\n"
