"""What systemd wants to hear of a service (`Type=notify`), in its own protocol: sd_notify(3)."""

import os
import socket


def notify(state: str) -> None:
    """Say `READY=1`, `STOPPING=1` or the like; silent where no systemd listens."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):  # a name in Linux's abstract namespace
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as to:
        to.sendto(state.encode(), address)
