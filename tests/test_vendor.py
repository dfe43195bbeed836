"""Browser libraries: fetched once, by hash, from the registry of one's choice; icons exist."""

import base64
import hashlib
import io
import json
import re
import tarfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from app import vendor

ROOT = Path(__file__).parent.parent
ICON = b'<svg xmlns="x"\n  width="24">\n  <path d="M1 1" />\n</svg>\n'


def tarball(files: dict[str, bytes]) -> bytes:
    """An npm package."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for path, content in files.items():
            entry = tarfile.TarInfo(f"package/{path}")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def integrity(content: bytes) -> str:
    return "sha512-" + base64.b64encode(hashlib.sha512(content).digest()).decode()


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, bytes]]:
    """A registry of two packages, and a lock that expects them; maps paths to what is served."""
    files = {
        "hls.js": {"dist/hls.min.mjs": b"hls", "LICENSE": b"free"},
        "lucide-static": {"LICENSE": b"free", "icons/play.svg": ICON, "icons/x.svg": ICON},
    }
    served = {f"/{name}/-/{name}-1.0.0.tgz": tarball(content) for name, content in files.items()}
    packages = {
        f"node_modules/{name}": {
            "version": "1.0.0",
            "integrity": integrity(served[f"/{name}/-/{name}-1.0.0.tgz"]),
        }
        for name in files
    }
    (tmp_path / "package-lock.json").write_text(json.dumps({"packages": packages}))

    class Registry(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = served.get(self.path)
            self.send_response(200 if content is not None else 404)
            self.end_headers()
            self.wfile.write(content or b"")

        def log_message(self, *_: object) -> None:
            pass

    monkeypatch.setattr(vendor, "ROOT", tmp_path)
    monkeypatch.setattr(vendor, "FOLDER", tmp_path / "static" / "vendor")
    monkeypatch.setattr(vendor, "ICONS", "play x")
    monkeypatch.setattr(vendor, "ATTEMPTS", 1)
    monkeypatch.setattr(
        vendor,
        "FILES",
        {
            "hls.js": {"dist/hls.min.mjs": "hls.mjs", "LICENSE": "hls.LICENSE.txt"},
            "lucide-static": {"LICENSE": "icons.LICENSE.txt"},
        },
    )
    with ThreadingHTTPServer(("127.0.0.1", 0), Registry) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("npm_config_registry", f"http://127.0.0.1:{server.server_port}/")
        yield served
        server.shutdown()


def test_fetches_what_is_wanted_and_nothing_twice(registry: dict[str, bytes]) -> None:
    assert vendor.main([]) == 0
    found = {path.name for path in vendor.FOLDER.iterdir()}
    assert found == {"hls.mjs", "hls.LICENSE.txt", "icons.LICENSE.txt", "icons.svg", ".stamp"}
    sprite = (vendor.FOLDER / "icons.svg").read_text()
    assert '<symbol id="play" viewBox="0 0 24 24"><path d="M1 1" /></symbol>' in sprite
    registry.clear()
    assert vendor.main([]) == 0, "nothing is asked for again"


def test_a_changed_package_is_not_kept(
    registry: dict[str, bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    assert vendor.main([]) == 0
    (vendor.FOLDER / ".stamp").write_text("older")
    registry["/hls.js/-/hls.js-1.0.0.tgz"] = tarball({"dist/hls.min.mjs": b"evil"})
    assert vendor.main([]) == 1
    assert "differs from package-lock.json" in capsys.readouterr().err
    assert (vendor.FOLDER / "hls.mjs").read_bytes() == b"hls"


def test_no_connection_is_one_sentence(
    registry: dict[str, bytes], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9")
    assert vendor.main([]) == 1
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "Is this machine online?" in told


def test_lock_names_no_registry_and_every_library() -> None:
    lock = (ROOT / "package-lock.json").read_text()
    assert '"resolved"' not in lock
    packages = json.loads(lock)["packages"]
    for name in (*vendor.FILES, *vendor.TEST_FILES):
        assert packages[f"node_modules/{name}"]["integrity"].startswith("sha512-")


def test_every_icon_that_is_used_is_fetched_and_no_other() -> None:
    sources = [*ROOT.glob("templates/**/*.html"), *ROOT.glob("app/static/js/*.js")]
    text = "\n".join(path.read_text() for path in sources)
    used = set(re.findall(r"""(?:icon\(|picture=|"(?:good|warning|bad)": )"([a-z0-9-]+)\"""", text))
    used |= set(re.findall(r'data-icon="([a-z0-9-]+)"', text))
    used |= set(re.findall(r'#button\([\w.]+, "([a-z0-9-]+)"', text))
    used |= set(re.findall(r"icons}#([a-z0-9-]+)`", text))
    known = set(vendor.ICONS.split())
    assert used - known == set()
    quoted = set(re.findall(r"""["']([a-z0-9-]+)["']""", text)) | used
    assert known - quoted == set()
