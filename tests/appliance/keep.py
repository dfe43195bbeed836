"""Fills a deployed site with what must survive, and looks later whether it did.

    python tests/appliance/keep.py fill --domain tube.example.test --address 198.18.77.120
        --ca site.pem --notes kept.json

`check`, asked in the same way, logs in as each person, and compares what they see, and every byte
of every rendition.
"""

import argparse
import hashlib
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.appliance.people import Site, UnusableError, make_film

PEOPLE = {"ada": "a long sentence of hers", "grace": "another sentence, of hers"}
PATIENCE_SECONDS = 300


def main() -> None:
    """Fill or check."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["fill", "check"])
    parser.add_argument("--domain", required=True)
    parser.add_argument("--address", required=True)
    parser.add_argument("--ca", type=Path, required=True, help="who signs the site's certificate")
    parser.add_argument("--notes", type=Path, required=True, help="what is remembered of the site")
    options = parser.parse_args()
    site = Site(options.domain, options.address, options.ca)
    began = time.monotonic()
    try:
        if options.what == "fill":
            options.notes.write_text(json.dumps(fill(site), indent=1))
            print(f"{time.monotonic() - began:.1f} s  {len(PEOPLE)} people with a video each")
        else:
            notes = json.loads(options.notes.read_text())
            files = check(site, notes)
            print(
                f"{time.monotonic() - began:.1f} s  everybody logs in; {files} files play as before"
            )
    except (UnusableError, OSError) as error:
        sys.exit(str(error))


def fill(site: Site) -> dict[str, Any]:
    """Each person registers and uploads; gives what they see."""
    videos = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, password in PEOPLE.items():
            site.token = ""
            site.register(name, password)
            site.login(name, password)
            film = make_film(Path(folder, f"{name}.avi"), seconds=5)
            videos[name] = site.upload(film, f"What {name} saw")
    notes = {}
    for name, uuid in videos.items():
        site.login(name, PEOPLE[name])  # until it plays, only its owner sees a video
        notes[name] = seen(site, name, uuid)
    return notes


def check(site: Site, notes: dict[str, Any]) -> int:
    """Raise UnusableError unless everybody sees what they saw; gives the number of files."""
    files = 0
    for name, before in notes.items():
        site.login(name, PEOPLE[name])
        now = seen(site, name, before["uuid"])
        if now != before:
            raise UnusableError(f"{name} sees {json.dumps(now)} instead of {json.dumps(before)}")
        files += len(now["files"])
    return files


def seen(site: Site, name: str, uuid: str) -> dict[str, Any]:
    """What a person sees of a video: its name, and the SHA-256 of all that plays."""
    video = site.wait_for(uuid, renditions=3, seconds=PATIENCE_SECONDS)
    me = site.call("GET", "/users/me")
    files = {}
    for file in video["streamingPlaylists"][0]["files"]:
        status, _, content = site.ask("GET", file["fileUrl"])
        status_of_part, _, part = site.ask("GET", file["fileUrl"], Range="bytes=100-299")
        if (status, status_of_part) != (200, 206) or part != content[100:300]:
            raise UnusableError(f"{file['fileUrl']} answered {status}, a part {status_of_part}")
        files[file["fileUrl"]] = hashlib.sha256(content).hexdigest()
    return {"uuid": uuid, "name": video["name"], "by": name, "email": me["email"], "files": files}


if __name__ == "__main__":
    main()
