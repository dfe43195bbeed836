"""Looks whether any secret of an inventory was said.

    python tests/appliance/quiet.py --secrets molecule.single/secrets <LOG

Names what was said, never its value.
"""

import argparse
import sys
from pathlib import Path

#: Shorter ones are found by chance.
LEAST = 8


def main() -> None:
    """Fail with the names of the secrets that stand in one of the files."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--secrets", type=Path, required=True, help="the folder that holds them")
    options = parser.parse_args()
    secrets = values(options.secrets)
    if not secrets:
        sys.exit(f"There are no secrets in {options.secrets}.")
    text = sys.stdin.read()
    if told := said(secrets, text):
        sys.exit(f"These secrets were said: {', '.join(told)}.")
    print(f"{len(secrets)} secrets, none of them in {len(text)} characters.")


def values(folder: Path) -> dict[str, list[str]]:
    """The lines of each secret; of a key, each line is one."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    lines = {path.name: path.read_text(errors="replace").split("\n") for path in files}
    kept = {name: [line for line in found if len(line) >= LEAST] for name, found in lines.items()}
    return {name: [line for line in found if "-----" not in line] for name, found in kept.items()}


def said(secrets: dict[str, list[str]], text: str) -> list[str]:
    """The names of those that stand in a text."""
    return [name for name, lines in secrets.items() if any(line in text for line in lines)]


if __name__ == "__main__":
    main()
