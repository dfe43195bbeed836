"""What is wrong with the variables of a host: names, types, placeholders, secrets."""

import difflib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from ansible.errors import AnsibleError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.plugins.lookup import LookupBase

try:
    from ansible._internal._datatag._tags import Origin
except ImportError:  # another ansible-core: the findings lack the line of the inventory
    Origin = None

DOCUMENTATION = """
name: preflight_variables
short_description: What is wrong with the variables of this host
description:
  - Compares what the inventory sets with the argument_specs of all roles. Gives sentences.
options:
  _terms:
    description: The folder of the roles.
    required: true
"""

#: What examples and people in a hurry write where a secret belongs.
PLACEHOLDERS = re.compile(
    r"(change[-_ ]?(me|it|this)|password\d*|passw0rd|secret|example|placeholder|to-?do|x{3,}|<.*>"
    r"|12345\d*)",
    re.IGNORECASE,
)
SHORTEST_SECRET = 8
LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
DOMAIN = re.compile(rf"({LABEL}\.)+(?!\d+$){LABEL}")
#: Names that belong to nobody (RFC 2606): who has one copied an example and did not read it.
EXAMPLE = re.compile(r"(^|[.@])example\.(com|net|org)$")
EMAIL = re.compile(r"[^@\s<>]+@[^@\s<>]+\.[^@\s<>]+")


class LookupModule(LookupBase):  # type: ignore[misc] # Ansible has no types
    """`query('preflight_variables', role_path ~ '/..')`."""

    def run(
        self, terms: list[str], variables: dict[str, Any] | None = None, **kwargs: Any
    ) -> list[str]:
        """A sentence for each thing that is wrong."""
        self.set_options(var_options=variables, direct=kwargs)
        self.told = variables or {}
        self.specs, self.defaults = read_roles(Path(terms[0]))
        return [*self._misspelt(), *self._missing(), *self._wrong_values(), *self._secrets()]

    def _misspelt(self) -> Iterator[str]:
        known = self.specs.keys() | self.defaults.keys()
        prefixes = tuple(f"{name}_" for name in read_names(Path(self.told["role_path"]).parent))
        for name in sorted(self.told):
            if name in known or name.startswith(("ansible_", "_")) or name.endswith("_result"):
                continue
            ours = name.startswith(prefixes)
            if not ours and place_of(name) is None:
                continue
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.6 if ours else 0.9)
            if ours or near:
                hint = f"did you mean {near[0]}?" if near else "take it out, or rename it."
                yield f"{name}{at(name)} is known to no role: {hint}"

    def _missing(self) -> Iterator[str]:
        for name, option in self.specs.items():
            if option.get("required") and name.startswith("kinora_") and name not in self.told:
                yield f"{name} is missing: {sentence(option)}"

    def _wrong_values(self) -> Iterator[str]:
        for name, option in self.specs.items():
            if name not in self.told:
                continue
            where = f"{name}{at(self.told[name])}"
            try:  # to compare what is encrypted opens it
                if self.told[name] == self.defaults.get(name, ...):
                    continue
                value = self._templar.template(self.told[name])
            except AnsibleError as error:
                yield f"{where} cannot be read: {explained(error)}"
                continue
            finding = wrong_value(name, value, option)
            if finding:
                yield f"{where} {finding}"

    def _secrets(self) -> Iterator[str]:
        """Secrets that were made before must open with the vault password of this run."""
        try:
            folder = Path(str(self._templar.template(self.told["kinora_secrets_dir"])))
            encrypt = bool(self._templar.template(self.told["kinora_secrets_encrypt"]))
        except (AnsibleError, KeyError):
            return  # told above
        vault = self._loader._vault  # noqa: SLF001 - there is no public way to it
        if encrypt and not vault.secrets:
            yield (
                "kinora_secrets_encrypt is set and this run has no vault password: give one with "
                "--ask-vault-pass or --vault-password-file."
            )
        for path in sorted(folder.glob("[!.]*")):
            try:
                self._loader.get_text_file_contents(str(path))
            except AnsibleError:
                yield (
                    f"The secret {path} is encrypted, and the vault password of this run does not "
                    "open it: give the right one with --ask-vault-pass or --vault-password-file."
                )
                return  # the others are encrypted alike


def read_names(folder: Path) -> list[str]:
    """The roles in a folder."""
    return sorted(path.name for path in folder.resolve().iterdir() if (path / "meta").is_dir())


def read_roles(folder: Path) -> tuple[dict[str, dict[str, Any]], dict[str, Any]]:
    """The options of all argument_specs, and all defaults as written."""
    specs: dict[str, dict[str, Any]] = {}
    defaults: dict[str, Any] = {}
    for name in read_names(folder):
        told = read_yaml(folder / name / "meta/argument_specs.yml").get("argument_specs", {})
        for entry_point in told.values():
            specs |= entry_point.get("options") or {}
        defaults |= read_yaml(folder / name / "defaults/main.yml")
    return specs, defaults


def read_yaml(path: Path) -> dict[str, Any]:
    """A file, or nothing where there is none."""
    return (yaml.safe_load(path.read_text()) or {}) if path.exists() else {}


def wrong_value(name: str, value: Any, option: dict[str, Any]) -> str | None:
    """What is wrong with a value, as the rest of a sentence that began with its name."""
    secret = option.get("no_log", False)
    if value is None or value == "":
        if option.get("required"):
            return f"is empty: {sentence(option)}"
        return "is empty: take it out, and one is made." if secret and value is None else None
    result = ArgumentSpecValidator({name: option}).validate({name: value})
    if result.error_messages:
        kind = option.get("type", "str")
        choices = option.get("choices")
        wanted = f"one of {', '.join(map(str, choices))}" if choices else f"of the type {kind}"
        told = "" if secret else f", not {value!r}"
        return f"must be {wanted}{told}."
    if secret:
        return wrong_secret(str(value))
    judge = {"kinora_domain": wrong_domain, "kinora_admin_email": wrong_email}.get(name)
    return judge(str(value)) if judge else None


def wrong_secret(text: str) -> str | None:
    """What is wrong with a secret."""
    if PLACEHOLDERS.fullmatch(text):
        return "is a placeholder: set a real one, or take it out."
    if len(text) < SHORTEST_SECRET:
        return f"is too short for a secret: it takes {SHORTEST_SECRET} letters."
    return None


def wrong_domain(text: str) -> str | None:
    """What is wrong with the site's name."""
    if "/" in text or ":" in text:
        return f"must be a name only, without https:// or a port, not {text!r}."
    if not DOMAIN.fullmatch(text):
        return (
            f"must be a name like videos.coop.org (small letters, digits, hyphens; "
            f"xn--… where it has others), not {text!r}."
        )
    if EXAMPLE.search(text):
        return f"is still the example's: {text}. Put in the name of your site."
    return None


def wrong_email(text: str) -> str | None:
    """What is wrong with the administrator's address."""
    if not EMAIL.fullmatch(text):
        return f"must be an e-mail address, not {text!r}."
    if EXAMPLE.search(text):
        return f"is still the example's: {text}. Put in your own, it gets the alerts."
    return None


def sentence(option: dict[str, Any]) -> str:
    """An option's description."""
    told = option.get("description", "")
    return " ".join(told) if isinstance(told, list) else str(told)


def explained(error: AnsibleError) -> str:
    """Ansible's reason, with the remedy where it is the vault."""
    text = str(error).removeprefix("Error rendering template: ").rstrip(".")
    if "ecrypt" in text or "vault" in text:
        return (
            "the vault password of this run does not open it: give the right one with "
            "--ask-vault-pass or --vault-password-file."
        )
    return f"{text}."


def place_of(told: Any) -> str | None:
    """The file and line where something was written, if Ansible knows."""
    origin = Origin.get_tag(told) if Origin else None
    if origin is None or not origin.path:
        return None
    path = os.path.relpath(origin.path)
    short = origin.path if path.startswith("..") else path
    return f"{short}:{origin.line_num}" if origin.line_num else short


def at(told: Any) -> str:
    """The place in parentheses, or nothing."""
    place = place_of(told)
    return f" ({place})" if place else ""
