"""The half of `kinora_files` that runs on the controller: it renders the templates."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ansible import constants
from ansible.errors import AnsibleActionFail
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase
from ansible.template import trust_as_template

#: Where the text of a file comes from.
SOURCES = {"template", "copy", "content"}
#: What may have `{item}` in it.
NAMES = {"path", "template", "copy"}


class ActionModule(ActionBase):  # type: ignore[misc] # Ansible has no types
    """See DOCUMENTATION in ../library/kinora_files.py."""

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Render everything here, and hand it over in one execution."""
        super().run(tmp, task_vars)
        variables = task_vars or {}
        told = dict(self._task.args)
        folders = [
            {"path": entry} if isinstance(entry, str) else entry
            for entry in told.get("folders") or []
        ]
        told["folders"] = [entry for entry, _ in _each(folders)]
        told["files"] = [
            self._with_content(entry, own, variables)
            for entry, own in _each(told.get("files") or [])
        ]
        result: dict[str, Any] = self._execute_module(
            module_name="kinora_files", module_args=told, task_vars=variables
        )
        return result

    def _with_content(
        self, entry: dict[str, Any], own: dict[str, Any], variables: dict[str, Any]
    ) -> dict[str, Any]:
        """The file as the module takes it."""
        sources = SOURCES & entry.keys()
        if len(sources) != 1:
            raise AnsibleActionFail(
                f"{entry.get('path')} needs one of {', '.join(sorted(SOURCES))}."
            )
        source = sources.pop()
        marks = entry.pop("marks", ["{{", "}}"])
        if source == "template":
            path = self._find_needle("templates", entry.pop("template"))
            entry["content"] = self._rendered(path, variables | own, marks)
        elif source == "copy":
            path = self._find_needle("files", entry.pop("copy"))
            entry["content"] = self._loader.get_text_file_contents(path)
        return entry

    def _rendered(self, path: str, variables: dict[str, Any], marks: list[str]) -> str:
        """The text of a template, to the byte what Ansible's own action makes of it."""
        folders = [Path(folder) for folder in variables.get("ansible_search_path", [])]
        places = [place for folder in folders for place in (folder / "templates", folder)]
        templar = self._templar.copy_with_new_env(
            searchpath=[*places, Path(path).parent],
            available_variables={"ansible_managed": constants.DEFAULT_MANAGED_STR} | variables,
        )
        text = templar.template(
            trust_as_template(self._loader.get_text_file_contents(path)),
            escape_backslashes=False,
            overrides={"variable_start_string": marks[0], "variable_end_string": marks[1],
                       "trim_blocks": True, "lstrip_blocks": False},
        )  # fmt: skip
        return "" if text is None else str(text)


def _each(entries: list[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Every entry with the variables of its own: those with `each` once for each item."""
    for entry in entries:
        named = {key: value for key, value in entry.items() if key not in ("each", "when")}
        if not boolean(entry.get("when", True)):
            continue
        if "each" not in entry:
            yield named, {}
            continue
        for item in entry["each"]:
            told = {key: named[key].format(item=item) for key in NAMES & named.keys()}
            yield named | told, {"item": item}
