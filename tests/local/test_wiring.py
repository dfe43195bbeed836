"""How a local site's settings come about: what it knows, the person's file, the command line."""

import os
import socket
import tomllib
from pathlib import Path

import pytest

from app import config_report
from app.config import Settings
from app.local import wiring
from app.local.folder import DataFolder
from app.local.trouble import TroubleError


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DataFolder:
    for name in [name for name in os.environ if name.upper().startswith("KINORA_")]:
        monkeypatch.delenv(name)
    return DataFolder(tmp_path / "data")


def settings_of(wired: wiring.Wiring, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The settings as a process of the site reads them."""
    monkeypatch.setattr(os, "environ", dict(wired.environment))
    return config_report.load()


def test_the_processes_find_everything(folder: DataFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    wired = wiring.wire(folder, host=None, port=0)
    read = settings_of(wired, monkeypatch)
    assert read.web.port == wired.port > 0
    assert read.site.public_url == wired.public_url == f"http://127.0.0.1:{wired.port}"
    assert str(folder.root / "run") in read.database.url.get_secret_value()
    assert read.redis.url.get_secret_value() == f"unix://{folder.root}/run/redis.sock"
    assert read.storage.root == folder.root / "storage"
    assert (wired.own_database, wired.own_redis) == (True, True)


def test_the_persons_file_wins_over_what_the_site_knows(
    folder: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder.root / "kinora.toml").write_text(
        '[site]\nname = "Füße 🦶 \\"x\\""\npublic_url = "https://videos.example"\n'
        '[database]\nurl = "postgres://elsewhere/kinora"\n[transcoding]\nresolutions = [240]\n'
    )
    wired = wiring.wire(folder, host=None, port=0)
    read = settings_of(wired, monkeypatch)
    assert read.site.name == 'Füße 🦶 "x"'
    assert read.site.public_url == wired.public_url == "https://videos.example"
    assert read.transcoding.resolutions == [240]
    assert (wired.own_database, wired.own_redis) == (False, True)


def test_the_command_line_wins_over_the_environment(
    folder: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KINORA_WEB__PORT", "1")
    monkeypatch.setenv("KINORA_WEB__HOST", "203.0.113.1")
    monkeypatch.setenv("KINORA_SITE__NAME", "Environment")
    wired = wiring.wire(folder, host="localhost", port=0)
    read = settings_of(wired, monkeypatch)
    assert (read.web.host, read.web.port) == ("localhost", wired.port)
    assert read.site.name == "Environment"


def test_the_first_start_leaves_a_file_to_edit(folder: DataFolder) -> None:
    wiring.wire(folder, host=None, port=0)
    own = folder.root / "kinora.toml"
    assert tomllib.loads(own.read_text()) == {}
    own.write_text(own.read_text().replace("# [site]", "[site]").replace("# name", "name"))
    wiring.wire(folder, host=None, port=0)
    assert tomllib.loads(own.read_text()) == {"site": {"name": "Our videos"}}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [("[site", "cannot be read"), ("web = 1", "web must be a table")],
)
def test_a_broken_file_is_told(folder: DataFolder, text: str, sentence: str) -> None:
    (folder.root / "kinora.toml").write_text(text)
    with pytest.raises(TroubleError, match=sentence):
        wiring.wire(folder, host=None, port=0)


def test_a_port_in_use_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(TroubleError, match=rf"Port {port} of 127\.0\.0\.1 is in use"):
            wiring.free_port("127.0.0.1", port)


def test_an_address_of_another_machine_is_told() -> None:
    with pytest.raises(TroubleError, match=r"cannot listen on 192\.0\.2\.1"):
        wiring.free_port("192.0.2.1", 0)


@pytest.mark.parametrize("port", ["many", "-1", "65536", ""])
def test_what_is_no_port_is_told(
    folder: DataFolder, monkeypatch: pytest.MonkeyPatch, port: str
) -> None:
    (folder.root / "kinora.toml").write_text(f'[web]\nport = "{port}"')
    with pytest.raises(TroubleError, match="is no port"):
        wiring.wire(folder, host=None, port=None)


@pytest.mark.parametrize(
    ("host", "port", "url"),
    [
        ("127.0.0.1", 9000, "http://127.0.0.1:9000"),
        ("::1", 9000, "http://[::1]:9000"),
        ("videos.example", 80, "http://videos.example"),
    ],
)
def test_address(host: str, port: int, url: str) -> None:
    assert wiring.address(host, port) == url


@pytest.mark.enable_socket  # it asks the kernel for a route and sends nothing
def test_a_site_that_listens_everywhere_has_an_address_people_can_use() -> None:
    assert wiring.address("0.0.0.0", 9000) not in {"http://0.0.0.0:9000", "http://:9000"}
