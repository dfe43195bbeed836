"""Folders and files of a host, all of them in one execution."""

import grp
import os
import pwd
import stat
import tempfile
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule  # type: ignore[import-untyped]

DOCUMENTATION = """
module: kinora_files
short_description: Folders and files of a host in one execution
description:
  - Makes folders, then writes files, then removes what is C(absent).
  - Files are checked before the first of them is written, and each appears whole or not at all.
  - Secrets need C(no_log) on the task, as everywhere.
options:
  folders:
    description: Folders, each a path or a dictionary of path, owner, group, mode, each.
    type: list
    elements: raw
  files:
    description:
      - Files, each a dictionary of path, owner, group, mode, validate, when, each,
        and one of template, copy, content.
      - A file whose C(when) is false is left as it is.
      - The file is made once for each item of C(each), which is C(item) in its template
        and C({item}) in its path, template and copy.
      - C(marks) are what stands around variables in its template.
    type: list
    elements: dict
  absent:
    description: Paths of files that must not be there.
    type: list
    elements: path
author: Kinora
"""

EXAMPLES = """
- name: Files of a service
  kinora_files:
    folders: [/etc/service]
    files:
      - {template: service.conf.j2, path: /etc/service/service.conf, validate: service --check %s}
      - {template: unit.j2, path: "/etc/systemd/system/{item}.service", each: [one, two]}
  notify: Service | restart
"""

RETURN = """
changed_paths:
  description: Folders and files that were made, changed or removed.
  type: list
  elements: str
  returned: success
"""

PLACE = {
    "path": {"type": "path", "required": True},
    "owner": {"type": "str", "default": "root"},
    "group": {"type": "str", "default": "root"},
}
FOLDER = {**PLACE, "mode": {"type": "str", "default": "0755"}}
FILE = {
    **PLACE,
    "mode": {"type": "str", "default": "0644"},
    "content": {"type": "str", "required": True},
    "validate": {"type": "str"},
}
#: A user or group that a check on a bare host has not got.
NOBODY_YET = -1


class Work:
    """What is done to the host, and what is told of it."""

    def __init__(self, module: Any) -> None:
        self._module = module
        self._check = bool(module.check_mode)
        self.changed_paths: list[str] = []
        self.diffs: list[dict[str, Any]] = []

    def folder(self, wanted: dict[str, Any]) -> None:
        """Make a folder, and those above it; give it its owner and mode."""
        path = Path(wanted["path"])
        if path.is_dir():
            self._own(wanted)
            return
        if path.exists():
            self._fail(path, "is there and is no folder")
        self._note(path, {"state": "absent"}, {"state": "directory"})
        if not self._check:
            path.mkdir(parents=True)
            _give(path, self._rights(wanted))

    def files(self, wanted: list[dict[str, Any]]) -> None:
        """Write files: all are checked before the first one is replaced."""
        differing = [told for told in wanted if self._differs(told)]
        for told in wanted:
            if told not in differing:
                self._own(told)
        if self._check:
            return
        for told in differing:
            self._validate(told)
        drafts: dict[Path, Path] = {}
        try:
            for told in differing:
                path = Path(told["path"])
                # no suffix: who reads all `*.conf` of a folder must not read a draft
                drafts[path] = self._draft(told, folder=path.parent, prefix=f".{path.name}.")
            for path, draft in drafts.items():
                draft.replace(path)
        finally:
            for draft in drafts.values():
                draft.unlink(missing_ok=True)

    def absent(self, path: Path) -> None:
        """Remove a file."""
        if path.exists() or path.is_symlink():
            self._note(path, {"state": "present"}, {"state": "absent"})
            if not self._check:
                path.unlink()

    def _differs(self, wanted: dict[str, Any]) -> bool:
        """Whether what is there says something else, and note it."""
        path = Path(wanted["path"])
        if path.is_dir():
            self._fail(path, "is a folder")
        before = path.read_bytes() if path.is_file() and not path.is_symlink() else None
        if before == wanted["content"].encode():
            return False
        self._note(path, (before or b"").decode(errors="replace"), wanted["content"])
        return True

    def _own(self, wanted: dict[str, Any]) -> None:
        """Give what is there its owner, group and mode."""
        path = Path(wanted["path"])
        rights = self._rights(wanted)
        there = path.stat()
        before = there.st_uid, there.st_gid, stat.S_IMODE(there.st_mode)
        if before != rights:
            self._note(path, _told(before), _told(rights))
            if not self._check:
                _give(path, rights)

    def _rights(self, wanted: dict[str, Any]) -> tuple[int, int, int]:
        """User, group and mode as numbers."""
        try:
            user = pwd.getpwnam(wanted["owner"]).pw_uid
            group = grp.getgrnam(wanted["group"]).gr_gid
        except KeyError:
            if not self._check:
                whose = f"{wanted['owner']}:{wanted['group']}"
                self._fail(Path(wanted["path"]), f"cannot be given to {whose}: one is not here")
            user = group = NOBODY_YET
        return user, group, int(wanted["mode"], 8)

    def _draft(
        self, wanted: dict[str, Any], *, folder: Path, prefix: str, suffix: str = ""
    ) -> Path:
        """The file under another name."""
        rights = self._rights(wanted)
        handle, name = tempfile.mkstemp(dir=folder, prefix=prefix, suffix=suffix)
        draft = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(wanted["content"].encode())
            _give(draft, rights)
        except OSError:
            draft.unlink()
            raise
        return draft

    def _validate(self, wanted: dict[str, Any]) -> None:
        """Ask the program that will read the file."""
        if not wanted["validate"]:
            return
        path = Path(wanted["path"])
        if "%s" not in wanted["validate"]:
            self._fail(path, "has a `validate` without %s")
        scratch = Path(self._module.tmpdir)
        draft = self._draft(wanted, folder=scratch, prefix="draft", suffix=path.suffix)
        try:
            status, said, complaint = self._module.run_command(wanted["validate"] % draft)
        finally:
            draft.unlink()
        if status:
            why = (complaint.strip() or said.strip()).replace(str(draft), str(path))
            self._fail(path, f"is not valid, and nothing was written: {why}")

    def _note(self, path: Path, before: Any, after: Any) -> None:
        name = str(path)
        self.changed_paths.append(name)
        self.diffs.append(
            {"before_header": name, "after_header": name, "before": before, "after": after}
        )

    def _fail(self, path: Path, why: str) -> None:
        self._module.fail_json(msg=f"{path} {why}", changed_paths=self.changed_paths)


def _give(path: Path, rights: tuple[int, int, int]) -> None:
    user, group, mode = rights
    os.chown(path, user, group)
    path.chmod(mode)


def _told(rights: tuple[int, int, int]) -> dict[str, Any]:
    user, group, mode = rights
    return {"owner": user, "group": group, "mode": f"{mode:04o}"}


def main() -> None:
    """Do it all, and tell what was changed."""
    module = AnsibleModule(
        argument_spec={
            "folders": {"type": "list", "elements": "dict", "options": FOLDER, "default": []},
            "files": {"type": "list", "elements": "dict", "options": FILE, "default": []},
            "absent": {"type": "list", "elements": "path", "default": []},
        },
        supports_check_mode=True,
    )
    work = Work(module)
    try:
        for folder in module.params["folders"]:
            work.folder(folder)
        work.files(module.params["files"])
        for path in module.params["absent"]:
            work.absent(Path(path))
    except OSError as error:
        module.fail_json(msg=str(error), changed_paths=work.changed_paths)
    told = {"diff": work.diffs} if module._diff else {}  # noqa: SLF001 - as Ansible's own modules do
    module.exit_json(changed=bool(work.changed_paths), changed_paths=work.changed_paths, **told)


if __name__ == "__main__":
    main()
