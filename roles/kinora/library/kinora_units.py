"""Units of a host that run now and after a boot, all of them in one execution."""

import json
import socket
import time
import urllib.error
import urllib.request
from typing import Any

from ansible.module_utils.basic import AnsibleModule  # type: ignore[import-untyped]

DOCUMENTATION = """
module: kinora_units
short_description: Units that run now and after a boot, in one execution
description:
  - Asks systemd once for all units, starts and enables those that need it,
    and waits until they answer.
  - systemd reads its files again where it says that they have changed.
options:
  names:
    description: Whole names of units, in the order in which they are started.
    type: list
    elements: str
  units:
    description: Those that must answer as well.
    type: list
    elements: dict
    suboptions:
      name: {description: Its whole name., type: str, required: true}
      address: {description: Where its port is., type: str, default: 127.0.0.1}
      port: {description: A port that it must take connections on., type: int}
      url: {description: A page that must be answered with 200., type: str}
      says: {description: What the page, which is JSON then, must have in it., type: dict}
  timeout:
    description: Seconds that they have to answer.
    type: int
    default: 60
author: Kinora
"""

EXAMPLES = """
- name: They run now and after a boot, and answer
  kinora_units:
    names: [one.socket]
    units: [{name: one.service, port: 9100}]
"""

RETURN = """
started: {description: Units that were started., type: list, elements: str, returned: success}
enabled: {description: Units that were enabled., type: list, elements: str, returned: success}
"""

UNIT = {
    "name": {"type": "str", "required": True},
    "address": {"type": "str", "default": "127.0.0.1"},
    "port": {"type": "int"},
    "url": {"type": "str"},
    "says": {"type": "dict"},
}
PROPERTIES = "LoadState,ActiveState,UnitFileState,NeedDaemonReload"
RUNS = {"active", "activating", "reloading"}
COMES_WITH_BOOT = {"enabled", "enabled-runtime", "static", "indirect", "alias", "generated"}


def seen(shown: str, names: list[str]) -> dict[str, dict[str, str]]:
    """What `systemctl show` says of units, which it tells in the order that it was asked in."""
    parts = [part for part in shown.strip().split("\n\n") if part]
    told = [dict(line.partition("=")[::2] for line in part.splitlines()) for part in parts]
    return dict(zip(names, told, strict=True))


def answers(unit: dict[str, Any]) -> str:
    """What is wrong with a unit's answer; nothing, when it is as it should be."""
    try:
        if unit["port"]:
            socket.create_connection((unit["address"], unit["port"]), timeout=5).close()
        if unit["url"]:
            return _page(unit["url"], unit["says"] or {})
    except urllib.error.HTTPError as error:
        return error.read().decode(errors="replace").strip() or str(error)
    except (OSError, ValueError) as error:
        return str(error)
    return ""


def _page(url: str, says: dict[str, Any]) -> str:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(url, timeout=5) as answer:
        text = answer.read().decode()
    told = json.loads(text) if says else {}
    return "" if all(told.get(key) == value for key, value in says.items()) else text.strip()


class Units:
    """Units, and what was done to them."""

    def __init__(self, module: Any) -> None:
        self._module = module
        self._units = module.params["units"]
        names = module.params["names"] + [unit["name"] for unit in self._units]
        shown = self._systemctl("show", f"--property={PROPERTIES}", *names, always=True)
        told = seen(shown, names)
        self._stale = any(unit.get("NeedDaemonReload") == "yes" for unit in told.values())
        self.stopped = [name for name in names if told[name]["ActiveState"] not in RUNS]
        self.disabled = [
            name for name in names if told[name].get("UnitFileState") not in COMES_WITH_BOOT
        ]

    def run(self) -> None:
        """Now and after a boot."""
        if self._stale:
            self._systemctl("daemon-reload")
        if self.disabled:
            self._systemctl("enable", *self.disabled)
        for name in self.stopped:
            self._systemctl("start", name)

    def answer(self) -> None:
        """Wait until all do."""
        end = time.monotonic() + self._module.params["timeout"]
        for unit in self._units:
            while complaint := answers(unit):
                if time.monotonic() > end:
                    where = unit["url"] or f"port {unit['port']}"
                    self._module.fail_json(
                        msg=f"{unit['name']} does not answer at {where} as it should: {complaint}; "
                        f"see `journalctl -u {unit['name']}`."
                    )
                time.sleep(1)

    def _systemctl(self, *words: str, always: bool = False) -> str:
        if self._module.check_mode and not always:
            return ""
        status, said, complaint = self._module.run_command(["systemctl", *words])
        if status:
            self._module.fail_json(msg=f"systemctl {' '.join(words)}: {complaint.strip()}")
        return str(said)


def main() -> None:
    """Do it, and tell what was done."""
    module = AnsibleModule(
        argument_spec={
            "names": {"type": "list", "elements": "str", "default": []},
            "units": {"type": "list", "elements": "dict", "options": UNIT, "default": []},
            "timeout": {"type": "int", "default": 60},
        },
        supports_check_mode=True,
    )
    if not module.params["names"] + module.params["units"]:
        module.exit_json(changed=False, started=[], enabled=[])
    units = Units(module)
    units.run()
    if not module.check_mode:
        units.answer()
    module.exit_json(
        changed=bool(units.stopped or units.disabled),
        started=units.stopped,
        enabled=units.disabled,
    )


if __name__ == "__main__":
    main()
