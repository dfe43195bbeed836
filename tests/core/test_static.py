import gzip
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from app.core.static import StaticFiles, static_files
from tests.core.conftest import Configure
from tests.core.small_site import Client, serving

CSS = 'a { background: url("../img/dot.svg#big") } b { background: url(data:image/png;base64,AA) }'


@pytest.fixture
def files(tmp_path: Path) -> StaticFiles:
    folder = tmp_path / "static"
    for name, content in {
        "css/site.css": CSS,
        "js/site.js": 'import "./part.js"',
        "js/part.js": "export {}" + " " * 5000,
        "img/dot.svg": "<svg/>",
        "vendor/lib.mjs": "export default 1",
        "modules.json": json.dumps({"lib": "vendor/lib.mjs"}),
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    (folder / "img/dot.png").write_bytes(bytes(range(256)) * 20)
    return StaticFiles(folder)


@pytest.fixture
async def client(bare: Configure, files: StaticFiles) -> AsyncIterator[Client]:
    async with serving(web.get("/static/app/{name:.+}", files.serve)) as site:
        yield site


async def test_a_hashed_name_is_kept_for_ever(client: Client, files: StaticFiles) -> None:
    answer = await client.get(files.url("js/part.js"))
    assert answer.status == 200
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert (await answer.text()).startswith("export {}")


async def test_a_plain_name_is_asked_for_anew(client: Client) -> None:
    answer = await client.get("/static/app/js/part.js")
    assert answer.headers["Cache-Control"] == "no-cache"
    again = await client.get(
        "/static/app/js/part.js", headers={"If-None-Match": answer.headers["ETag"]}
    )
    assert (again.status, await again.read()) == (304, b"")


async def test_text_is_compressed_and_pictures_are_not(client: Client, files: StaticFiles) -> None:
    client.session._auto_decompress = False
    answer = await client.get(files.url("js/part.js"), headers={"Accept-Encoding": "gzip"})
    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.headers["Vary"] == "Accept-Encoding"
    packed = await answer.read()
    assert len(packed) < 200
    assert gzip.decompress(packed).startswith(b"export {}")
    answer = await client.get(files.url("img/dot.png"), headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in answer.headers
    assert await answer.read() == bytes(range(256)) * 20
    plain = await client.get(files.url("js/part.js"), headers={"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in plain.headers


def test_the_import_map_leads_to_hashed_names(files: StaticFiles) -> None:
    imports = json.loads(files.import_map)["imports"]
    assert imports["/static/app/js/part.js"] == files.url("js/part.js")
    assert imports["lib"] == imports["/static/app/vendor/lib.mjs"] == files.url("vendor/lib.mjs")
    assert "</script" not in files.import_map


async def test_a_style_sheet_refers_to_hashed_names(client: Client, files: StaticFiles) -> None:
    text = await (await client.get(files.url("css/site.css"))).text()
    assert f'url("{files.url("img/dot.svg")}#big")' in text
    assert "url(data:image/png;base64,AA)" in text


def test_a_change_of_a_picture_renames_the_style_sheet(files: StaticFiles) -> None:
    (files.folder / "img/dot.svg").write_text("<svg>other</svg>")
    other = StaticFiles(files.folder)
    assert other.url("css/site.css") != files.url("css/site.css")
    assert other.url("js/site.js") == files.url("js/site.js")


def test_a_name_that_does_not_exist_is_a_fault(files: StaticFiles) -> None:
    with pytest.raises(LookupError):
        files.url("js/none.js")
    (files.folder / "css/broken.css").write_text("a { background: url(none.png) }")
    with pytest.raises(LookupError):
        StaticFiles(files.folder)


@pytest.mark.parametrize(
    "path", ["../main.py", "%2e%2e/main.py", "/etc/passwd", "css/", "js/site.0000000000.js"]
)
async def test_nothing_else_is_served(client: Client, path: str) -> None:
    assert (await client.get(f"/static/app/{path}")).status == 404


def test_our_own_files_are_whole() -> None:
    files = static_files()
    for target in json.loads(files.import_map)["imports"].values():
        assert target.startswith("/static/app/")
