"""The options of `bin/run`, apart from the rest because every `kinora` command reads them."""

import argparse
import os
from pathlib import Path

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 9000
#: PostgreSQL must not run as root, and its user cannot enter a checkout in root's home.
ROOTS_DATA = Path("/var/lib/kinora")


def add_to(parser: argparse.ArgumentParser) -> None:
    """Declare them."""
    checkout = Path(__file__).parent.parent.parent
    parser.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        default=ROOTS_DATA if os.geteuid() == 0 else checkout / "var",
        help="the folder that holds everything: database, files, logs (default: %(default)s)",
    )
    parser.add_argument("--host", help=f"the address to listen on (default: {DEFAULT_HOST})")
    parser.add_argument(
        "--port",
        type=int,
        metavar="N",
        help=f"the port to listen on, 0 for any free one (default: {DEFAULT_PORT})",
    )
    parser.add_argument(
        "--demo", action="store_true", help="also fill the site with videos made for the purpose"
    )
    parser.add_argument(
        "--bundled",
        action="store_true",
        help="use Kinora's own PostgreSQL, Valkey and ffmpeg even where the machine has them",
    )
