"""Packs three releases from this checkout: `before`, `next`, and one that is `broken`.

    python tests/appliance/releases.py FOLDER

There is no release before the first one; so `before` is this program under another version, and
`next` is the checkout as it is. The web processes of `broken` do not start.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
PARTS = ("app", "templates", "pyproject.toml", "requirements.lock", "package-lock.json",
         "README.md", "CHANGELOG.md", "LICENSE")  # fmt: skip


def pack(folder: Path, file: str = "", old: str = "", new: str = "") -> None:
    """Pack this checkout with one word changed."""
    with tempfile.TemporaryDirectory() as scratch:
        for part in PARTS:
            source, target = ROOT / part, Path(scratch, part)
            if source.is_dir():
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy2(source, target)
        if file:
            changed = Path(scratch, file)
            text = changed.read_text()
            if old not in text:
                sys.exit(f"{file} has no {old!r}.")
            changed.write_text(text.replace(old, new, 1))
        subprocess.run([sys.executable, "-m", "app.archive", folder], cwd=scratch, check=True)


def main() -> None:
    """Pack all of them."""
    folder = Path(sys.argv[1]).absolute()
    pack(folder / "before", "app/__init__.py", '__version__ = "', '__version__ = "0.0-before-')
    pack(folder / "next")
    serve = 'log.configure("web")'
    pack(folder / "broken", "app/main.py", serve, f'{serve}\n    raise SystemExit("broken")')


if __name__ == "__main__":
    main()
