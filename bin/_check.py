"""What no linter looks at: lock files behind pyproject.toml, paths of one machine, templates."""

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

from jinja2 import TemplateError, TemplateSyntaxError
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
#: Somebody's home, on Linux or a Mac. A route that begins alike needs another name.
HOMES = re.compile(r"(?<![\w.])/(?:home|Users)/[A-Za-z][\w-]*/")
GENERATED = {"package-lock.json", "LICENSE"}


def wrong_locks() -> Iterator[str]:
    """Requirements that their lock file does not fulfil."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    extras = project["project"]["optional-dependencies"]
    wanted = {"requirements.lock": project["project"]["dependencies"]}
    for group in ("controller", "dev"):
        wanted[f"requirements-{group}.lock"] = project["dependency-groups"][group]
    wanted |= {f"requirements-{extra}.lock": needed for extra, needed in extras.items()}
    for lock, requirements in wanted.items():
        pinned = dict(
            re.findall(r"^([\w.-]+)==([^\s;\\]+)", (ROOT / lock).read_text(), re.MULTILINE)
        )
        versions = {canonicalize_name(name): version for name, version in pinned.items()}
        for requirement in map(Requirement, requirements):
            version = versions.get(canonicalize_name(requirement.name))
            if version is None or not requirement.specifier.contains(version):
                yield f"{lock} has {requirement.name} {version}, not {requirement.specifier}"


def homely_files() -> Iterator[str]:
    """Files with a path of the machine that they were written on."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    here = re.escape(str(ROOT))
    for name in filter(None, listed.split("\0")):
        if name in GENERATED or not (ROOT / name).is_file():
            continue
        try:
            text = (ROOT / name).read_text()
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(text.splitlines(), 1):
            if found := HOMES.search(line) or re.search(rf"{here}(?![\w-])", line):
                yield f"{name}:{number}: {found[0]} is a path of one machine"


def broken_templates() -> Iterator[str]:
    """Templates that do not compile, or use a filter that is not there."""
    from app.core.templates import environment

    jinja = environment()
    for name in sorted(jinja.list_templates()):
        try:
            jinja.get_template(name)
        except TemplateSyntaxError as error:
            yield f"templates/{error.filename or name}:{error.lineno}: {error.message}"
        except TemplateError as error:
            yield f"templates/{name}: {error}"


def main() -> None:
    """Print what is wrong; the exit status says whether anything is."""
    os.chdir(ROOT)
    sys.path.insert(0, str(ROOT))
    wrong = [*wrong_locks(), *homely_files(), *broken_templates()]
    print("\n".join(wrong), end="\n" if wrong else "")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
