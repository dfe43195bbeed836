"""The example of docs/sysadmin/apache.md does what that page says: Debian's Apache, a real site."""

import http.client
import json
import os
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from app.local import identity
from tests import servers
from tests.appliance import apache
from tests.appliance.apache import DOMAIN, Apache, Front
from tests.appliance.people import make_film
from tests.site import Site, start_site

pytestmark = [pytest.mark.site, pytest.mark.slow, pytest.mark.timeout(300)]

PASSWORD = "a password for tests"
STRANGER = "203.0.113.9"
RESUMABLE = "/api/v1/videos/upload-resumable"
MEGABYTE = 1 << 20
ONCE = (
    "strict-transport-security",
    "content-security-policy",
    "x-content-type-options",
    "x-frame-options",
    "referrer-policy",
    "permissions-policy",
    "x-request-id",
    "server",
)


def demand(there: bool, package: str) -> None:
    """Skip where a package is not installed; where tests must be whole, fail."""
    if not there:
        assert os.environ.get("CI") != "true", f"apt install {package}"
        pytest.skip(f"{package} is not installed")


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """A site as `bin/run` starts it, in a folder that the user of its processes may enter."""
    demand(apache.programs(), "apache2")
    folder = servers.private_folder("apache", user=servers.unprivileged_user())
    site = start_site(
        folder,
        KINORA_ADMIN_PASSWORD=PASSWORD,
        KINORA_RATE_LIMITS__ENABLED="false",
        KINORA_TRANSCODING__RESOLUTIONS="[240]",
    )
    yield site
    site.stop()
    subprocess.run(["rm", "-r", "--one-file-system", folder], check=True)


def make_apache(site: Site, name: str, *, accel_redirect: bool) -> Apache:
    """Apache in a folder beside the site's data."""
    folder = site.data.parent / name
    folder.mkdir()
    identity.choose(site.data).give(folder)
    return Apache(folder, site, accel_redirect=accel_redirect)


@pytest.fixture(scope="module")
def server(site: Site) -> Apache:
    """Apache, with a program that sends files itself."""
    return make_apache(site, "plain", accel_redirect=False)


@pytest.fixture(scope="module")
def front(server: Apache) -> Iterator[Front]:
    """The administrator, by way of Apache."""
    with server.running() as front:
        front.login("root", PASSWORD)
        yield front


@pytest.fixture(scope="module")
def film(site: Site) -> Path:
    """A film of some megabytes that must be encoded anew."""
    return make_film(site.data.parent / "film.avi", seconds=30)


@pytest.fixture(scope="module")
def media(front: Front, film: Path) -> str:
    """The path of a file that players fetch."""
    uuid = front.upload(film, "A film")
    video = front.wait_for(uuid, renditions=1, seconds=200)
    url: str = video["streamingPlaylists"][0]["files"][0]["fileUrl"]
    return urlsplit(url).path


def stored(site: Site, path: str) -> bytes:
    """The bytes of a file that players fetch, from the disk."""
    (found,) = (site.data / "storage").rglob(Path(path).name)
    return found.read_bytes()


def eventually(holds: Callable[[], object], what: str, seconds: float = 60) -> None:
    """Wait until something is so."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"waited in vain for: {what}"
        time.sleep(0.05)


def test_apache_finds_nothing_to_say_about_it(front: Front, server: Apache) -> None:
    assert server.check().strip() == "Syntax OK"


def test_http_leads_to_https(front: Front, server: Apache) -> None:
    status, headers, _ = front.ask("GET", "/about?x=a%20b&y=%2F", plain=True)
    assert (status, headers["location"]) == (308, f"https://{DOMAIN}/about?x=a%20b&y=%2F")
    (server.challenges / "token").write_text("proof")
    assert front.ask("GET", "/.well-known/acme-challenge/token", plain=True)[::2] == (200, b"proof")
    assert front.ask("GET", "/.well-known/acme-challenge/other", plain=True)[0] == 404


@pytest.mark.parametrize("path", ["/", "/api/v1/config", "/nothing-is-here"])
def test_headers_come_once(front: Front, path: str) -> None:
    connection = front.connect()
    connection.request("GET", path)
    answer = connection.getresponse()
    told = [name.lower() for name, _ in answer.getheaders()]
    connection.close()
    assert {name: told.count(name) for name in ONCE if told.count(name) > 1} == {}
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Server"] == "Kinora"
    if path == "/":
        assert {"content-security-policy", "x-frame-options", "referrer-policy"} <= set(told)


def test_pages_are_packed(front: Front) -> None:
    plain = front.ask("GET", "/")[2]
    status, headers, packed = front.ask("GET", "/", Accept_Encoding="gzip")
    assert (status, headers["content-encoding"]) == (200, "gzip")
    assert len(packed) < len(plain) / 2
    assert "accept-encoding" in headers["vary"].lower()


def by_http_2(front: Front, path: str, *options: str) -> str:
    """What curl, which speaks HTTP/2, says of an answer."""
    where = f"https://{DOMAIN}:{front.https_port}{path}"
    command = f"curl --silent --http2 --cacert {front.authority} --output /dev/null".split()
    command += ["--resolve", f"{DOMAIN}:{front.https_port}:127.0.0.1"]
    command += ["--write-out", "%{http_version} %{http_code}", *options, where]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_browsers_get_http_2(front: Front, site: Site, film: Path) -> None:
    assert by_http_2(front, "/") == "2 200"
    size = film.stat().st_size
    where = begin(front, size)
    told = [f"Authorization: Bearer {front.token}", f"Content-Range: bytes 0-{size - 1}/{size}"]
    sent = ["--request", "PUT", "--data-binary", f"@{film}"]
    headers = [word for header in told for word in ("--header", header)]
    assert by_http_2(front, where, *sent, *headers) == "2 200"
    originals = (path.read_bytes() for path in (site.data / "storage/originals").rglob("*.avi"))
    assert film.read_bytes() in originals


def test_another_name_gets_nothing(front: Front) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        Front.connect(_renamed(front, "other.example.org"))
    connection = front.connect()
    connection.request("GET", "/", headers={"Host": "other.example.org"})
    assert connection.getresponse().status == 421
    connection.close()


def _renamed(front: Front, name: str) -> Front:
    other = Front(front.authority, http_port=front.http_port, https_port=front.https_port)
    other.domain = name
    return other


def test_an_upload_streams_and_goes_on_after_a_cut(front: Front, site: Site, film: Path) -> None:
    content = film.read_bytes()
    size, half = len(content), len(content) // 2
    assert half > 1.5 * MEGABYTE
    where = begin(front, size)
    arrived = site.data / "work/uploads" / where.rpartition("=")[2]
    connection = front.connect()
    connection.putrequest("PUT", where)
    for name, value in {
        "Authorization": f"Bearer {front.token}",
        "Content-Range": f"bytes 0-{size - 1}/{size}",
        "Content-Length": str(size),
    }.items():
        connection.putheader(name, value)
    connection.endheaders()
    connection.send(content[:half])
    eventually(lambda: arrived.stat().st_size >= MEGABYTE, "half a body has reached the program")
    connection.close()

    def position() -> int:
        status, headers, _ = front.ask("PUT", where, b"", Content_Range=f"bytes */{size}")
        assert status == 308
        return int(headers["range"].rpartition("-")[2]) + 1

    at = position()
    assert MEGABYTE <= at <= half
    rest = f"bytes {at}-{size - 1}/{size}"
    status, _, text = front.ask("PUT", where, content[at:], Content_Range=rest)
    assert status == 200
    uuid = json.loads(text)["video"]["uuid"]
    (original,) = (site.data / "storage/originals" / uuid).iterdir()
    assert original.read_bytes() == content


def begin(front: Front, size: int) -> str:
    """Begin a resumable upload; gives where its chunks go."""
    channel = front.call("GET", "/users/me")["videoChannels"][0]["id"]
    told = {"name": "Cut", "channelId": channel, "privacy": 1, "filename": "film.avi"}
    status, headers, text = front.ask(
        "POST",
        RESUMABLE,
        json.dumps(told).encode(),
        Content_Type="application/json",
        X_Upload_Content_Length=str(size),
        X_Upload_Content_Type="video/x-msvideo",
    )
    assert status == 201, text
    assert headers["location"].startswith(f"https://{DOMAIN}{RESUMABLE}?upload_id=")
    return headers["location"].removeprefix(f"https://{DOMAIN}")


@pytest.mark.parametrize(
    ("path", "size"),
    [("/login", 17 * MEGABYTE), (RESUMABLE, 51 << 30), ("/upload", 51 << 30)],
)
def test_too_large_a_body_is_refused_before_it_is_sent(front: Front, path: str, size: int) -> None:
    connection = front.connect()
    connection.putrequest("POST", path)
    connection.putheader("Content-Length", str(size))
    connection.endheaders()
    answer = connection.getresponse()
    assert (answer.status, answer.read()) == (413, b"This is larger than this site takes in.")
    connection.close()


def test_the_form_of_uploads_may_be_large(front: Front) -> None:
    body = b"x" * 17 * MEGABYTE
    status, headers, _ = front.ask(
        "POST", "/upload", body, Content_Type="multipart/form-data; boundary=y"
    )
    assert status == 400, headers  # it was taken in and found to be no form


def test_the_program_itself_says_why_a_file_is_too_large(front: Front) -> None:
    told = {"name": "A film", "channelId": 1, "privacy": 1, "filename": "film.avi"}
    status, headers, text = front.ask(
        "POST",
        RESUMABLE,
        json.dumps(told).encode(),
        Content_Type="application/json",
        X_Upload_Content_Length=str(60 * 10**9),
        X_Upload_Content_Type="video/x-msvideo",
    )
    assert (status, headers["content-type"]) == (413, "application/problem+json"), text
    assert json.loads(text)["code"] == "max_file_size_reached"


def test_a_stranger_is_not_believed(front: Front) -> None:
    client = front.call("GET", "/oauth-clients/local")
    form = "&".join(f"{name}={value}" for name, value in client.items())
    form += f"&grant_type=password&username=root&password={PASSWORD.replace(' ', '+')}"
    status, headers, text = front.ask(
        "POST",
        "/api/v1/users/token",
        form.encode(),
        Content_Type="application/x-www-form-urlencoded",
        X_Forwarded_For=STRANGER,
        X_Forwarded_Proto="http",
        X_Request_Id="chosen-by-a-stranger",
    )
    assert status == 200, text
    assert headers["x-request-id"] != "chosen-by-a-stranger"
    user = front.call("GET", "/users/me")["id"]
    sessions = front.call("GET", f"/users/{user}/token-sessions")["data"]
    assert {session["loginIP"] for session in sessions} == {"127.0.0.1"}


def test_events_come_as_they_happen(front: Front, film: Path) -> None:
    uuid = front.upload(film, "Watched while it is made")
    connection = front.connect()
    told = {"Accept": "text/event-stream", "Authorization": f"Bearer {front.token}"}
    connection.request("GET", f"/api/v1/videos/{uuid}/progress", headers=told)
    answer = connection.getresponse()
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    assert answer.readline() == b"event: progress\n"
    assert json.loads(answer.readline().removeprefix(b"data: "))["phase"] != "done"
    connection.close()


def test_the_site_closes_and_opens(front: Front, server: Apache) -> None:
    server.maintenance.touch()
    try:
        status, headers, text = front.ask("GET", "/")
    finally:
        server.maintenance.unlink()
    assert (status, headers["retry-after"]) == (503, "300")
    assert text.startswith(b"This site is being looked after.")
    assert front.ask("GET", "/")[0] == 200


def test_who_asks_while_a_process_restarts_waits(front: Front, server: Apache) -> None:
    answers: list[int] = []

    def ask() -> None:
        answers.append(front.ask("GET", "/api/v1/ping")[0])

    server.web[0].stop()
    asking = [threading.Thread(target=ask) for _ in range(6)]
    for each in asking:
        each.start()
    eventually(lambda: len(answers) >= 3, "the other process answers its half")
    assert len(answers) == 3
    server.web[0].start()
    for each in asking:
        each.join()
    assert answers == [200] * 6


def ranges_are_right(front: Front, site: Site, path: str) -> None:
    """A media file comes whole and in parts, with the headers that the program gave it."""
    content = stored(site, path)
    size = len(content)
    assert size > 100_000
    for asked, first, end in (
        ("bytes=100-299", 100, 300),
        ("bytes=0-", 0, size),
        (f"bytes={size - 7}-", size - 7, size),
        ("bytes=-5", size - 5, size),
    ):
        status, headers, body = front.ask("GET", path, Range=asked, Accept_Encoding="gzip")
        assert (status, body == content[first:end]) == (HTTPStatus.PARTIAL_CONTENT, True), asked
        assert headers["content-range"] == f"bytes {first}-{end - 1}/{size}"
        assert "content-encoding" not in headers
    status, headers, body = front.ask("GET", path)
    assert (status, body == content, headers["accept-ranges"]) == (200, True, "bytes")
    assert headers["content-type"] == "video/mp4"
    assert headers["access-control-allow-origin"] == "*"
    assert headers["cache-control"].startswith("public, max-age=")
    assert headers["strict-transport-security"]
    assert not {"x-accel-redirect", "x-sendfile"} & headers.keys()
    assert front.ask("GET", path, If_None_Match=headers["etag"])[::2] == (304, b"")
    assert front.ask("GET", path, Range=f"bytes={size}-")[0] == 416
    head = front.ask("HEAD", path)
    assert (head[0], head[1]["content-length"]) == (200, str(size))


def test_ranges_of_a_media_file(front: Front, site: Site, media: str) -> None:
    ranges_are_right(front, site, media)


def test_apache_may_send_the_files(site: Site, media: str) -> None:
    demand(apache.sends_files(), "libapache2-mod-xsendfile")
    with make_apache(site, "sending", accel_redirect=True).running() as front:
        assert front.ask("GET", "/_storage/originals")[0] == 404
        ranges_are_right(front, site, media)


def test_nobody_but_the_program_names_files(front: Front) -> None:
    connection: http.client.HTTPConnection = front.connect()
    connection.request("GET", "/", headers={"X-Sendfile": "/etc/passwd", "X-Accel-Redirect": "/x"})
    assert b"root:" not in connection.getresponse().read()
    connection.close()
