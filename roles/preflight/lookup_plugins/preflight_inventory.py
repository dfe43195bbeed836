"""What is wrong with the inventory as a whole, and with the controller."""

import difflib
import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ansible.plugins.lookup import LookupBase

DOCUMENTATION = """
name: preflight_inventory
short_description: What is wrong with the inventory as a whole, and with the controller
description:
  - Looks at the groups, at where the inventory comes from, and for collections. Gives sentences.
options:
  _terms:
    description: Collections that the roles use.
    required: true
"""

#: Groups that share the work, and whether one of them may have more than one host.
GROUPS = {
    "web": True,
    "workers": True,
    "database": False,
    "redis": False,
    "storage": True,
    "monitoring": False,
    "backup": False,
}


class LookupModule(LookupBase):  # type: ignore[misc] # Ansible has no types
    """`query('preflight_inventory', 'community.postgresql')`."""

    def run(
        self, terms: list[str], variables: dict[str, Any] | None = None, **kwargs: Any
    ) -> list[str]:
        """A sentence for each thing that is wrong."""
        self.set_options(var_options=variables, direct=kwargs)
        told = variables or {}
        return [
            *missing_collections(terms),
            *wrong_sources(list(told.get("ansible_inventory_sources") or [])),
            *wrong_groups({name: list(hosts) for name, hosts in told["groups"].items()}),
        ]


def missing_collections(names: list[str]) -> Iterator[str]:
    """Collections that the controller lacks."""
    for name in names:
        try:
            importlib.import_module(f"ansible_collections.{name}")
        except ImportError:
            yield (
                f"The controller lacks the collection {name}: install the package `ansible` (not "
                f"only ansible-core) or run `ansible-galaxy collection install {name}`."
            )


def wrong_sources(sources: list[str]) -> Iterator[str]:
    """An inventory typed on the command line has no folder: secrets would go anywhere."""
    if sources and all("," in source and not Path(source).exists() for source in sources):
        yield (
            "The inventory must be a file or a folder, not a list of hosts on the command line: "
            "the secrets are kept beside it. Copy inventories/single and put your host in."
        )


def wrong_groups(groups: dict[str, list[str]]) -> Iterator[str]:
    """Groups that are missing, misspelt, empty, too large, or outside of `kinora`."""
    hosts = groups.get("kinora", [])
    if not hosts:
        yield (
            "The inventory has no hosts in the group `kinora`: put all hosts of the site in it, as "
            "inventories/single does for one and inventories/fleet for several."
        )
    for name in sorted(groups.keys() - GROUPS.keys() - {"kinora", "all", "ungrouped"}):
        near = difflib.get_close_matches(name, [*GROUPS, "kinora"], n=1, cutoff=0.8)
        if near and near[0] not in groups:
            yield f"The group `{name}` is known to nobody: did you mean `{near[0]}`?"
    for name, several in GROUPS.items():
        members = groups.get(name)
        if members is None:
            continue
        if not members:
            yield f"The group `{name}` is empty: without it the first host of `kinora` does that."
        if len(members) > 1 and not several:
            yield f"The group `{name}` has {len(members)} hosts: it can have one."
        if outside := [host for host in members if hosts and host not in hosts]:
            yield (
                f"Hosts of the group `{name}` are not in `kinora`: {', '.join(outside)}. "
                f"Make `{name}` a child of `kinora`."
            )
