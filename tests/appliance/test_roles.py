"""Every role keeps to roles/README.md: its rooms, its variables, its handlers, its secrets."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.common.arg_spec import (  # type: ignore[import-untyped]
    ArgumentSpecValidator,
)

from bin import _roles

ROLES = _roles.roles()
ROOMS = ("README.md", "defaults/main.yml", "meta/main.yml", "meta/argument_specs.yml")
#: Only these have defaults that nobody could choose for a sysadmin.
NEEDED = {"kinora_domain", "kinora_admin_email"}
SECRET = re.compile(r"(password|passphrase|secret|token|(access|secret|private|api)_?key)(s)?$")
#: Named like secrets and none: places, addresses and choices about them.
NO_SECRETS = re.compile(r"_(file|dir|path|url|id|length|encrypt|user|mode)$")
SETS = re.compile(r"\| (difference|union|intersect|symmetric_difference)\(")
QUESTION = re.compile(r"{{|{%")

every_role = pytest.mark.parametrize("role", ROLES, ids=[role.name for role in ROLES])


class Loader(yaml.SafeLoader):  # type: ignore[misc] # PyYAML has no types
    """Reads Ansible's own tags as plain values."""


Loader.add_multi_constructor("!", lambda loader, _, node: loader.construct_scalar(node))


def read(path: Path) -> Any:
    """A YAML file."""
    return yaml.load(path.read_text(), Loader)


def tasks(content: Any) -> Iterator[dict[str, Any]]:
    """Every task of a file, those in blocks too."""
    for task in content or []:
        yield task
        for part in ("block", "rescue", "always"):
            yield from tasks(task.get(part))


def tasks_of(role: Path, folder: str) -> list[dict[str, Any]]:
    """Every task of a folder of a role."""
    files = sorted((role / folder).glob("**/*.yml"))
    return [task for path in files for task in tasks(read(path))]


@every_role
def test_it_has_its_rooms(role: Path) -> None:
    """What the README is for the reader, the others are for Ansible."""
    missing = [room for room in ROOMS if not (role / room).exists()]
    if not (role / "tasks/main.yml").exists() and role.name != "kinora":
        missing.append("tasks/main.yml")
    assert not missing


@every_role
def test_its_variables_are_described_and_have_defaults(role: Path) -> None:
    """The same names on both sides; what must be set has no default."""
    options, defaults = _roles.options(role), _roles.defaults(role)
    needed = {name for name, option in options.items() if option.get("required")}
    assert needed <= NEEDED
    assert sorted(defaults) == sorted(options.keys() - needed)
    assert all(name.startswith(f"{role.name}_") for name in options)


@every_role
def test_its_defaults_are_of_the_described_types(role: Path) -> None:
    """Those that are no template; a default in the description is the same one."""
    defaults = _roles.defaults(role)
    for name, option in _roles.options(role).items():
        value = defaults.get(name)
        if name not in defaults or QUESTION.search(str(value)):
            continue
        result = ArgumentSpecValidator({name: option}).validate({name: value})
        assert not result.error_messages
        assert option.get("default", value) == value, name


def described(options: dict[str, Any], above: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Options, and those inside of dictionaries."""
    for name, option in options.items():
        yield f"{above}{name}", option
        yield from described(option.get("options") or {}, f"{above}{name}.")


@every_role
def test_its_descriptions_are_sentences(role: Path) -> None:
    """Each ends with a full stop."""
    for name, option in described(_roles.options(role)):
        told = option.get("description")
        text = " ".join(told) if isinstance(told, list) else str(told)
        assert told, f"{name} has no description"
        assert text.endswith("."), f"{name}: {text}"


@every_role
def test_its_secrets_are_not_logged(role: Path) -> None:
    """Whatever is named like one, or comes from the lookup."""
    defaults = _roles.defaults(role)
    for name, option in described(_roles.options(role)):
        looked_up = "kinora_secret'" in str(defaults.get(name, ""))
        named = SECRET.search(name) and not NO_SECRETS.search(name)
        if option.get("type", "str") in ("str", "list", "dict", "raw") and (looked_up or named):
            assert option.get("no_log") is True, name


@every_role
def test_what_is_notified_is_handled(role: Path) -> None:
    """A handler that is missing fails only on the day that something changes."""
    handled: set[str] = set()
    for task in tasks_of(role, "handlers"):
        listened = task.get("listen", [])
        handled |= {task.get("name", "")}
        handled |= set([listened] if isinstance(listened, str) else listened)
    for task in [*tasks_of(role, "tasks"), *tasks_of(role, "handlers")]:
        notified = task.get("notify", [])
        for name in [notified] if isinstance(notified, str) else notified:
            assert name in handled or QUESTION.search(name), f"{task.get('name')}: {name}"


@every_role
def test_it_depends_on_the_shared_variables_only(role: Path) -> None:
    """Each role works alone; which host gets which is in the playbooks."""
    found = read(role / "meta/main.yml").get("dependencies", [])
    names = [told if isinstance(told, str) else told["role"] for told in found]
    assert names == ([] if role.name == "kinora" else ["kinora"])


@every_role
def test_nothing_it_writes_depends_on_the_order_of_a_set(role: Path) -> None:
    """Ansible's set filters give another order in each run, and a file would change with it."""
    for folder in ("defaults", "templates", "vars"):
        for path in (role / folder).rglob("*"):
            for line in path.read_text().splitlines() if path.is_file() else ():
                if SETS.search(line):
                    assert re.search(r"\| (sort|length)\b|names \| difference", line), (
                        f"{path}: {line}"
                    )


@every_role
def test_its_readme_lists_its_variables(role: Path) -> None:
    """As `bin/roles` writes it."""
    assert (role / "README.md").read_text() == _roles.wanted(role)


def test_collections_that_roles_use_are_looked_for() -> None:
    """By preflight, before a role stops halfway."""
    used = set()
    for role in ROLES:
        for task in [*tasks_of(role, "tasks"), *tasks_of(role, "handlers")]:
            used |= {key.rpartition(".")[0] for key in task if key.count(".") == 2}
    looked_for = (_roles.ROLES / "preflight/tasks/inventory.yml").read_text()
    assert {name for name in used if f"'{name}'" not in looked_for} == {"ansible.builtin"}
