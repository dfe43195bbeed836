"""Uses a deployed site as a person would: register, upload, watch in Chromium.

    python tests/appliance/use.py --domain tube.example.test --address 198.18.77.101 --ca root.pem

Prints what was done and how long it took; the first thing that does not work ends it with its
reason.
"""

import argparse
import base64
import hashlib
import secrets
import sys
import tempfile
import time
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.appliance.people import Site, UnusableError, make_film
from tests.e2e.conftest import CHROMIUM

FILM = "document.querySelector('video')"
PATIENCE_SECONDS = 300


def main() -> None:
    """Do all of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--domain", required=True)
    parser.add_argument("--address", required=True)
    parser.add_argument("--ca", type=Path, required=True, help="the authority that signs the site")
    options = parser.parse_args()
    site = Site(options.domain, options.address, options.ca)
    began = time.monotonic()

    def done(what: str) -> None:
        print(f"{time.monotonic() - began:6.1f} s  {what}")

    try:
        check_front_door(site)
        done("https with a good certificate, http leads to it, no other name is served")
        name = f"ada{secrets.token_hex(4)}"
        site.register(name, "a long sentence of hers")
        site.login(name, "a long sentence of hers")
        done(f"{name} registered and logged in")
        with tempfile.TemporaryDirectory() as folder:
            film = make_film(Path(folder, "a day at the sea.avi"))
            uuid = site.upload(film, "A day at the sea")
        done("uploaded in chunks")
        site.wait_for(uuid, renditions=1, seconds=PATIENCE_SECONDS)
        done("it plays in one size")
        video = site.wait_for(uuid, renditions=3, seconds=PATIENCE_SECONDS)
        done("it plays in all sizes")
        check_bytes(site, video)
        done("parts of it come from the web server, and only what was asked")
        frames = watch(site, uuid)
        done(f"watched in Chromium: {frames} frames")
    except (UnusableError, OSError) as error:
        sys.exit(f"{time.monotonic() - began:6.1f} s  {error}")


def check_front_door(site: Site) -> None:
    """TLS, redirect and headers."""
    status, headers, _ = site.ask("GET", "/")
    if status != 200 or "content-security-policy" not in headers:
        raise UnusableError(f"the front page answered {status}: {headers}")
    status, headers, _ = site.ask("GET", "/", Accept_Encoding="gzip")
    if headers.get("content-encoding") != "gzip":
        raise UnusableError(f"the front page came uncompressed: {headers}")
    status, headers, _ = site.ask("GET", "/about?x=y", plain=True)
    if (status, headers.get("location")) != (308, f"https://{site.domain}/about?x=y"):
        raise UnusableError(f"http answered {status}: {headers}")


def check_bytes(site: Site, video: dict[str, object]) -> None:
    """A range of a rendition is sent by nginx."""
    playlists = video["streamingPlaylists"]
    assert isinstance(playlists, list)
    url = playlists[0]["files"][0]["fileUrl"]
    status, headers, body = site.ask("GET", url, Range="bytes=100-299")
    if status != 206 or len(body) != 200 or "x-accel-redirect" in headers:
        raise UnusableError(f"{url} answered {status} with {len(body)} bytes: {headers}")


def watch(site: Site, uuid: str) -> int:
    """Press play on the video's page; gives the frames that were shown."""
    # Chromium knows no authority of ours: it believes the one certificate that was checked here.
    trusted = base64.b64encode(hashlib.sha256(public_key(site.certificate())).digest()).decode()
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as profile:
        context = playwright.chromium.launch_persistent_context(
            profile,
            executable_path="/usr/bin/chromium",
            args=[
                *CHROMIUM,
                f"--host-resolver-rules=MAP {site.domain} {site.address}",
                f"--ignore-certificate-errors-spki-list={trusted}",
            ],
        )
        page = context.new_page()
        page.set_default_timeout(PATIENCE_SECONDS * 1000)
        page.goto(f"https://{site.domain}/w/{uuid}")
        page.locator("kinora-player[data-ready]").wait_for()
        page.locator(".player-start").click()
        end = time.monotonic() + PATIENCE_SECONDS
        while not page.evaluate(f"{FILM}.currentTime > 2") and time.monotonic() < end:
            page.wait_for_timeout(100)  # the page's policy forbids what Playwright would wait with
        frames = int(page.evaluate(f"{FILM}.getVideoPlaybackQuality().totalVideoFrames"))
        context.close()
    if frames < 10:
        raise UnusableError(f"only {frames} frames were shown")
    return frames


def public_key(certificate: bytes) -> bytes:
    """The key of a certificate, in the form whose hash Chromium takes."""
    key = x509.load_der_x509_certificate(certificate).public_key()
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


if __name__ == "__main__":
    main()
