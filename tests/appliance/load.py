"""Uses a site all the time, until it is told to stop, and counts what failed.

    python tests/appliance/load.py --domain … --address … --ca FILE --begun A --until B --notes C

Several readers ask for pages one after the other, somebody uploads slowly, an encode is under way.
The file A appears when all are at it. When B is there, upload and encode are brought to their end,
and C tells how many requests there were and what failed, each with its reason.
"""

import argparse
import http.client
import json
import secrets
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.appliance.people import Site, UnusableError, make_film

READERS = 3
PATHS = ("/", "/api/v1/videos", "/api/v1/config", "/login")
PATIENCE_SECONDS = 240


class Load:
    """What happens to the site at the same time, and what came of it."""

    def __init__(self, site: Callable[[], Site], until: Path) -> None:
        self._site = site
        self._until = until
        self._lock = threading.Lock()
        self.requests = 0
        self.failures: list[str] = []

    def over(self) -> bool:
        """Whether it is time to come to an end."""
        return self._until.exists()

    def read(self) -> None:
        """Ask for one page after the other."""
        site = self._site()
        while not self.over():
            for path in PATHS:
                try:
                    status, _, _ = site.ask("GET", path)
                    failed = "" if status == http.HTTPStatus.OK else f"{path} answered {status}"
                except (OSError, http.client.HTTPException) as error:
                    failed = f"{path}: {type(error).__name__} {error}"
                with self._lock:
                    self.requests += 1
                    if failed:
                        self.failures.append(failed)
                time.sleep(0.02)


def main() -> None:
    """Run all of it side by side."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("--domain", "--address"):
        parser.add_argument(name, required=True)
    for name in ("--ca", "--notes", "--until", "--begun"):
        parser.add_argument(name, type=Path, required=True)
    options = parser.parse_args()

    def site() -> Site:
        return Site(options.domain, options.address, options.ca)

    load = Load(site, options.until)
    person = site()
    name = f"eve{secrets.token_hex(4)}"
    person.register(name, "a long sentence of hers")
    person.login(name, "a long sentence of hers")
    readers = [threading.Thread(target=load.read) for _ in range(READERS)]
    with tempfile.TemporaryDirectory() as folder:
        long = make_film(Path(folder, "long.avi"), seconds=90)
        slow = make_film(Path(folder, "slow.avi"), seconds=40)
        try:
            encoded = person.upload(long, "Encoded meanwhile")
            for reader in readers:
                reader.start()
            options.begun.touch()
            uploaded = person.upload(slow, "Uploaded meanwhile", between=lambda: pause(load))
            person.wait_for(uploaded, renditions=3, seconds=PATIENCE_SECONDS)
            person.wait_for(encoded, renditions=3, seconds=PATIENCE_SECONDS)
        except UnusableError as error:
            load.failures.append(str(error))
            options.until.touch()
    while not load.over():
        time.sleep(0.2)
    for reader in readers:
        reader.join()
    told = {"requests": load.requests, "failures": load.failures}
    options.notes.write_text(json.dumps(told, indent=1))


def pause(load: Load) -> None:
    """A slow line; at the end there is no reason to wait any longer."""
    if not load.over():
        time.sleep(1.5)


if __name__ == "__main__":
    main()
