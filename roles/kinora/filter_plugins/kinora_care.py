"""What programs on a host say, as findings: sentences that end with what to do about them."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

LOOPBACK = re.compile(r"^(127\.|\[?::1\]?$|\[?::ffff:127\.)")
LISTENER = re.compile(
    r'^(tcp|udp)\s+\S+\s+\S+\s+\S+\s+(\S+):(\d+)\s+\S+(?:\s+users:\(\("([^"]+)")?'
)
ACCEPTED = re.compile(r"(tcp|udp) dport (\{[^}]*\}|\S+)( ct state \S+)?( counter[^;\n]*)? accept")
SAMPLE = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$", re.MULTILINE)
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')

Port = tuple[str, int]


class FilterModule:
    """Filters of the playbooks that look after a site."""

    def filters(self) -> dict[str, Any]:
        """By the names that tasks use."""
        return {
            "kinora_units": units,
            "kinora_unit_findings": unit_findings,
            "kinora_too_open": too_open,
            "kinora_drift": drift,
            "kinora_disks": disks,
            "kinora_exposed": exposed,
            "kinora_jobs": job_findings,
            "kinora_one_list": one_list,
        }


def units(shown: str) -> list[dict[str, str]]:
    """The units of `systemctl show --property=Id,LoadState,ActiveState,UnitFileState …`."""
    blocks = [
        dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        for block in shown.split("\n\n")
    ]
    return [block for block in blocks if block.get("Id")]


def unit_findings(shown: str, *, at_boot: bool = True) -> list[str]:
    """What is wrong with units that have to run, and `at_boot` to start by themselves."""
    found = []
    for unit in units(shown):
        name, state = unit["Id"], unit.get("ActiveState")
        if unit.get("LoadState") == "not-found":
            found.append(f"{name} is not here: playbooks/site.yml brings it.")
        elif state == "failed":
            found.append(
                f"{name} has failed: `journalctl -u {name}` says why, then `systemctl restart "
                f"{name}` (docs/runbooks/UnitFailed.md)."
            )
        elif state != "active":
            told = "is stopped" if state == "inactive" else f"is {state}"
            found.append(f"{name} {told}: `systemctl start {name}`.")
        elif at_boot and unit.get("UnitFileState") in ("disabled", "masked"):
            found.append(f"{name} would not start at boot: `systemctl enable {name}`.")
    return found


def too_open(paths: Iterable[str]) -> list[str]:
    """Files with secrets that everybody on their machine may read, by their paths."""
    return [f"Everybody may read {path}: `chmod o= {path}`." for path in paths if path]


def drift(files: Iterable[dict[str, Any]], wanted: dict[str, str]) -> list[str]:
    """Files, as a loop of `stat` gives them, that are not what the inventory makes of them."""
    sums = {file["item"]: file["stat"].get("checksum") for file in files}
    return [
        f"{path} is not as the inventory has it: `playbooks/site.yml --check --diff` shows the "
        "difference, without --check it goes."
        for path, checksum in wanted.items()
        if sums.get(path) != checksum
    ]


def disks(told: str, least: int = 10) -> list[str]:
    """Disks that have less than `least` per cent of their room or of their inodes left.

    `told` is what `df -BM --output=size,avail,itotal,iavail,target` says.
    """
    found, known = [], set()
    for line in told.splitlines()[1:]:
        size, free, inodes, left, place = line.split(maxsplit=4)
        if (size, free) in known:
            continue  # the same disk, mounted once more
        known.add((size, free))
        if is_short(free, size, least):
            found.append(
                f"{place} has {free} of {size} MiB left: `du --one-file-system --max-depth=2 "
                f"{place} | sort -n` (docs/runbooks/DiskNearlyFull.md)."
            )
        if is_short(left, inodes, least):
            found.append(
                f"{place} has {left} of {inodes} inodes left (docs/runbooks/InodesNearlyGone.md)."
            )
    return found


def is_short(left: str, whole: str, least: int) -> bool:
    """Whether less than so many per cent are left; file systems without inodes say `-` or 0."""
    if not (left.isdecimal() and whole.isdecimal()) or int(whole) == 0:
        return False
    return int(left) * 100 < int(whole) * least


def exposed(listening: str, rules: str, wanted: Iterable[dict[str, Any] | int]) -> list[str]:
    """Ports that others reach and that the inventory does not open.

    `listening` is what `ss -Hlntup` says, `rules` our table by `nft list`: without one, all is
    open. Each of `wanted` is a number, or has a `port`, or a range of them, and perhaps a `proto`.
    """
    asked = [one if isinstance(one, dict) else {"port": one} for one in wanted]
    may = {
        (str(one.get("proto", "tcp")), port) for one in asked for port in ports(str(one["port"]))
    }
    filtered = "policy drop" in rules
    let_in = {
        (found[1], port)
        for found in ACCEPTED.finditer(rules)
        for port in ports(found[2].strip("{} "))
    }
    found: dict[Port, str] = {}
    for line in listening.splitlines():
        told = LISTENER.match(line)
        if told is None or LOOPBACK.match(told[2].partition("%")[0]):
            continue
        port = (told[1], int(told[3]))
        if port not in may and (port in let_in or (not filtered and port[0] == "tcp")):
            found[port] = told[4] or "somebody"
    return [
        f"{name} listens on {proto} port {port}, which others reach and the inventory does not "
        f"open: stop it, or say so in base_open_ports_custom."
        for (proto, port), name in sorted(found.items())
    ]


def ports(told: str) -> Iterator[int]:
    """The ports of `80`, `6200-6202` or `22, 443`."""
    for part in told.split(","):
        first, _, last = part.strip().partition("-")
        if first.isdecimal():
            yield from range(int(first), int(last or first) + 1)


def job_findings(metrics: str, wait: int = 600, encoding_wait: int = 14400) -> list[str]:
    """What the dispatcher's numbers say of jobs that are dead, or wait too long (seconds)."""
    found = []
    for name, labels, number in samples(metrics):
        lane, value = labels.get("lane", ""), float(number)
        if name == "kinora_jobs" and labels.get("state") == "dead" and value > 0:
            found.append(
                f"{value:.0f} jobs {labels.get('kind', '')} have failed for good: Administration, "
                "Jobs, state failed (docs/runbooks/DeadJobs.md)."
            )
        limit, page = (
            (encoding_wait, "EncodingWaits") if lane in ("transcode", "gpu") else (wait, "JobsWait")
        )
        if name == "kinora_jobs_oldest_ready_seconds" and value > limit:
            found.append(
                f"Jobs of lane {lane} wait for {value / 60:.0f} minutes (docs/runbooks/{page}.md)."
            )
    return found


def samples(metrics: str) -> Iterator[tuple[str, dict[str, str], str]]:
    """Names, labels and values of Prometheus's text."""
    for found in SAMPLE.finditer(metrics):
        yield found[1], dict(LABEL.findall(found[2] or "")), found[3]


def one_list(by_host: dict[str, list[str]], ignore: Iterable[str] = ()) -> list[str]:
    """One line for each finding: what is wrong on all of several hosts is said once."""
    known = [re.compile(pattern) for pattern in ignore]
    hosts_of: dict[str, list[str]] = {}
    for host, findings in by_host.items():
        for finding in dict.fromkeys(findings):
            line = " ".join(str(finding).split())
            if not any(pattern.search(line) for pattern in known):
                hosts_of.setdefault(line, []).append(host)
    return [
        line if len(hosts) == len(by_host) else f"{', '.join(hosts)}: {line}"
        for line, hosts in hosts_of.items()
    ]
