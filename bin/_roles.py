"""The table of variables in each role's README, from its argument_specs and defaults.

It stands between two markers; the rest of a README is written by people.
"""

import json
import sys
from pathlib import Path
from typing import Any

import yaml

ROLES = Path(__file__).parent.parent / "roles"
BEGIN = "<!-- variables -->"
END = "<!-- /variables -->"
#: Ansible's types in people's words.
KINDS = {
    "str": "text",
    "int": "number",
    "float": "number",
    "bool": "`true` or `false`",
    "dict": "dictionary",
    "raw": "anything",
}
#: A default longer than this is better read in its file.
LONGEST = 48


def roles() -> list[Path]:
    """The folders of all roles."""
    return sorted(path for path in ROLES.iterdir() if path.is_dir())


def options(role: Path) -> dict[str, dict[str, Any]]:
    """What a role's argument_specs say about each variable, all entry points together."""
    told = yaml.safe_load((role / "meta/argument_specs.yml").read_text())["argument_specs"]
    found: dict[str, dict[str, Any]] = {}
    for entry_point in told.values():
        found |= entry_point.get("options") or {}
    return found


def defaults(role: Path) -> dict[str, Any]:
    """A role's defaults, as written, but for its internal ones."""
    path = role / "defaults/main.yml"
    told = (yaml.safe_load(path.read_text()) or {}) if path.exists() else {}
    return {name: value for name, value in told.items() if not name.startswith("__")}


def table(role: Path) -> str:
    """The table, markers included."""
    known = defaults(role)
    lines = ["| variable | default | kind | |", "|---|---|---|---|"]
    # What must be set comes first.
    for name, option in sorted(options(role).items(), key=lambda item: item[0] in known):
        kind = KINDS.get(option.get("type", "str"), option.get("type"))
        if elements := option.get("elements"):
            kind = f"{kind} of {KINDS.get(elements, elements)}s"
        if choices := option.get("choices"):
            kind = " or ".join(f"`{choice}`" for choice in choices)
        default = _default(known[name]) if name in known else "**needed**"
        lines.append(f"| `{name}` | {default} | {kind} | {_sentence(option)} |")
    return "\n".join([BEGIN, *(lines if len(lines) > 2 else ["None."]), END])


def _default(value: Any) -> str:
    if isinstance(value, str) and "lookup('kinora_secret'" in value:
        return "made on the first run"
    if isinstance(value, str) and "{{" in value:
        text = " ".join(value.split())
    else:
        text = json.dumps(value, ensure_ascii=False)
    if len(text) > LONGEST:
        return "[see defaults](defaults/main.yml)"
    return f"`{text}`".replace("|", "\\|")


def _sentence(option: dict[str, Any]) -> str:
    told = option.get("description", "")
    text = " ".join(told) if isinstance(told, list) else told
    return " ".join(text.split()).replace("|", "\\|")


def wanted(role: Path) -> str:
    """The README as it should be. Raises ValueError where that cannot be told."""
    for room in ("README.md", "meta/argument_specs.yml"):
        if not (role / room).exists():
            raise ValueError(f"roles/{role.name} has no {room}.")
    before, begin, rest = (role / "README.md").read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(
            f"roles/{role.name}/README.md has no place for its variables:\n{BEGIN}\n{END}"
        )
    return f"{before}{table(role)}{after}"


def main() -> None:
    """Write the tables; with --check name the READMEs that need it."""
    check = "--check" in sys.argv[1:]
    wrong = False
    for role in roles():
        readme = role / "README.md"
        try:
            text = wanted(role)
        except ValueError as error:
            print(error)
            wrong = True
            continue
        if text == readme.read_text():
            continue
        if check:
            print(f"roles/{role.name}/README.md is behind its role: run bin/roles")
            wrong = True
        else:
            readme.write_text(text)
            print(f"Wrote roles/{role.name}/README.md.")
    sys.exit(wrong)


if __name__ == "__main__":
    main()
