"""A private network of the hosts: a bridge on this machine, and a way out to the internet."""

import contextlib
import os
from pathlib import Path

from tests.lab.machine import LabError, run, works

BRIDGE = os.environ.get("LABHOST_BRIDGE", "labbr0")
#: RFC 2544's range for laboratories: never anybody's LAN.
NET = os.environ.get("LABHOST_NET", "198.18.77")
GATEWAY = f"{NET}.1"

_RULES = (
    ("nat", "POSTROUTING", "-s", f"{NET}.0/24", "!", "-d", f"{NET}.0/24", "-j", "MASQUERADE"),
    ("filter", "FORWARD", "-i", BRIDGE, "-j", "ACCEPT"),
    ("filter", "FORWARD", "-o", BRIDGE, "-j", "ACCEPT"),
)
#: Each systemd takes a handful of root's inotify instances; 128 are enough for 25 hosts.
_INOTIFY = {"max_user_instances": 4096, "max_user_watches": 524288}


def check_address(address: str) -> None:
    """Raise LabError unless a host can have this address."""
    start, _, last = address.rpartition(".")
    if start != NET or not last.isdecimal() or not 2 <= int(last) <= 254:
        raise LabError(f"{address} is not in the laboratory's network: {NET}.2 to {NET}.254")


def connect() -> None:
    """Make bridge and rules; what is there stays."""
    if not works("ip", "link", "show", BRIDGE):
        run("ip", "link", "add", BRIDGE, "type", "bridge", "stp_state", "0", "forward_delay", "0")
        run("ip", "address", "add", f"{GATEWAY}/24", "dev", BRIDGE)
        run("ip", "link", "set", BRIDGE, "up")
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
    for name, wanted in _INOTIFY.items():
        limit = Path("/proc/sys/fs/inotify") / name
        if int(limit.read_text()) < wanted:
            with contextlib.suppress(OSError):  # in a container: fewer hosts at once, no more
                limit.write_text(str(wanted))
    for table, chain, *rule in _RULES:
        if not works("iptables", "-w", "-t", table, "-C", chain, *rule):
            run("iptables", "-w", "-t", table, "-A", chain, *rule)


def unplug(name: str) -> None:
    """Remove a dead host's cable, which the kernel keeps for a while and a new host would meet."""
    works("ip", "link", "delete", f"vb-{name}")  # as systemd-nspawn calls it, if the name is short


def disconnect() -> None:
    """Remove what `connect` made."""
    for table, chain, *rule in _RULES:
        works("iptables", "-w", "-t", table, "-D", chain, *rule)
    works("ip", "link", "delete", BRIDGE)


def configuration(address: str) -> str:
    """A host's file for systemd-networkd."""
    return (
        f"[Match]\nName=host0\n\n[Network]\nAddress={address}/24\nGateway={GATEWAY}\n"
        "LinkLocalAddressing=no\nIPv6AcceptRA=no\n"
    )
