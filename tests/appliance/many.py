"""Uploads several films at once, and waits until each of them plays in all sizes.

python tests/appliance/many.py --domain spread.example.test --address 198.18.77.131 --ca root.pem
"""

import argparse
import secrets
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.appliance.people import Site, UnusableError, make_film

FILMS = 4
FILM_SECONDS = 60
PATIENCE_SECONDS = 600


def main() -> None:
    """Do all of it; the first film that does not come ends it with its reason."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--domain", required=True)
    parser.add_argument("--address", required=True)
    parser.add_argument("--ca", type=Path, required=True, help="who signs the site's certificate")
    options = parser.parse_args()
    site = Site(options.domain, options.address, options.ca)
    began = time.monotonic()
    try:
        name = f"joan{secrets.token_hex(4)}"
        site.register(name, "a long sentence of hers")
        site.login(name, "a long sentence of hers")
        with tempfile.TemporaryDirectory() as folder:
            film = make_film(Path(folder, "long.avi"), seconds=FILM_SECONDS)
            films = [site.upload(film, f"Film {number}") for number in range(FILMS)]
        print(f"{time.monotonic() - began:6.1f} s  {FILMS} films uploaded")
        for uuid in films:
            site.wait_for(uuid, renditions=3, seconds=PATIENCE_SECONDS)
            print(f"{time.monotonic() - began:6.1f} s  {uuid} plays in all sizes")
    except (UnusableError, OSError) as error:
        sys.exit(f"{time.monotonic() - began:6.1f} s  {error}")


if __name__ == "__main__":
    main()
