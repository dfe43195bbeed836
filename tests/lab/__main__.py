"""Throw-away Debian hosts, each with its own systemd, network and sshd, booted in a second.

They are containers (systemd-nspawn) on this machine; nothing of its own systemd is used, and
nothing of a host is left after `down`. Molecule's scenarios use them, and so can a person:

  labhost up box --release trixie --ip 198.18.77.20 --ssh-key ~/.ssh/id_ed25519.pub
  labhost wait box
  ssh deploy@198.18.77.20
  labhost down box
"""

import argparse
import sys
from pathlib import Path

from tests.lab import hosts, processes
from tests.lab.images import RELEASES, image
from tests.lab.machine import LabError, demand_all


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="labhost",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True)

    made = commands.add_parser("image", help="make the image of a release, unless it is there")
    made.add_argument("release", choices=RELEASES, nargs="+")

    up = commands.add_parser("up", help="make and boot a host")
    up.add_argument("name")
    up.add_argument("--release", choices=RELEASES, required=True)
    up.add_argument("--ip", required=True)
    up.add_argument("--user", default="deploy", help="may log in and become root")
    up.add_argument("--ssh-key", type=Path, metavar="FILE.pub")

    wait = commands.add_parser("wait", help="until its sshd answers and its boot is over")
    wait.add_argument("name", nargs="+")
    wait.add_argument("--timeout", type=float, default=90, metavar="SECONDS")

    for name, does in (
        ("kill", "as when the power of hosts fails; their disks stay until `down`"),
        ("down", "remove hosts and whatever they left behind"),
    ):
        ended = commands.add_parser(name, help=does)
        ended.add_argument("name", nargs="*")
        ended.add_argument("--all", action="store_true", help="also those of other people")

    commands.add_parser("ls", help="hosts of this machine")

    inside = commands.add_parser("exec", help="run a command inside as root")
    inside.add_argument("name")
    inside.add_argument("argv", nargs=argparse.REMAINDER, metavar="-- COMMAND")
    return parser


def act(told: argparse.Namespace) -> int:
    """Do what the command line says; the exit status. Prints "changed" or "ok" for Ansible."""
    match told.command:
        case "image":
            for release in told.release:
                print(image(release))
        case "up":
            host = hosts.Host(told.name, told.ip, told.release)
            print("changed" if hosts.up(host, user=told.user, key=told.ssh_key) else "ok")
        case "wait":
            found = {host.name: host for host in hosts.known()}
            for name in told.name:
                if name not in found:
                    raise LabError(f"there is no host {name}")
                print(f"{name} {hosts.wait(found[name], timeout=told.timeout)}")
        case "kill" | "down":
            names = [host.name for host in hosts.known()] if told.all else told.name
            end = hosts.kill if told.command == "kill" else hosts.down
            changed = [end(name) for name in names]
            print("changed" if any(changed) else "ok")
        case "ls":
            for host in hosts.known():
                state = "running" if processes.runs(host.name) else "stopped"
                print(f"{host.name:20} {host.ip:15} {host.release:10} {state}")
        case "exec":
            argv = told.argv[1:] if told.argv[:1] == ["--"] else told.argv
            return processes.execute(told.name, argv)[0]
    return 0


def main() -> None:
    """The command `labhost`."""
    told = arguments().parse_args()
    try:
        demand_all()
        sys.exit(act(told))
    except LabError as error:
        sys.exit(f"labhost: {error}")


if __name__ == "__main__":
    main()
