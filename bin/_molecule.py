"""Runs Molecule's scenarios, three at a time, and prints how long each of their steps took.

`bin/test` calls it: without arguments for all scenarios, or with their folders.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from tests.lab.machine import LabError, demand_all, locked  # noqa: E402 - after its path

#: What takes longest comes first; scenarios that are not named follow.
ORDER = ("single-bookworm", "spread", "upgrade", "restore", "single")
#: A playbook waits for its hosts more than half of the time: others cost little.
AT_ONCE = 3
COLOURS = re.compile(r"\x1b\[[0-9;]*m")
#: Where the times of a scenario tell how long its first film took.
FILM = "first film"
#: Molecule goes on, and well, without the playbook of a step.
LACKS = re.compile(r"WARNING\s+\S+ ➜ \w+: Executed: Missing playbook")
#: What `tests/appliance/use.py` says of the first film, in seconds after it began.
PLAYS = re.compile(r"([\d.]+) s\s+it plays in one size")
STEP = re.compile(r"INFO\s+\S+ ➜ (\w+): Executing")


def scenarios() -> list[str]:
    """The names of all scenarios."""
    names = sorted(path.parent.name for path in ROOT.glob("molecule/*/molecule.yml"))
    return sorted(names, key=lambda name: (*ORDER, name).index(name))


def run(name: str) -> tuple[bool, str]:
    """Run a scenario: whether it went well, and the seconds of each step."""
    with locked(f"scenario-{name}"):  # its addresses are fixed: one run of it on a machine
        good, times = _run(name)
    told = ", ".join(f"{step} {seconds:.0f} s" for step, seconds in times)
    return good, f"{name}: {'ok' if good else 'FAILED'}, {told}{_promised(name, dict(times))}"


def _promised(name: str, times: dict[str, float]) -> str:
    """What a sysadmin with one host was promised, beside what it was."""
    if not name.startswith("single") or not {"converge", "idempotence", FILM} <= times.keys():
        return ""
    first = times["converge"] + times[FILM]
    return (
        f"\n  from the bare host to a film that plays {first:.0f} s of at most 600,"
        f" the second run {times['idempotence']:.0f} s of at most 90"
    )


def _run(name: str) -> tuple[bool, list[tuple[str, float]]]:
    steps: list[tuple[str, float]] = []
    films: list[tuple[str, float]] = []
    whole = True
    began = time.monotonic()
    log = Path(tempfile.mkdtemp(prefix="kinora-"), "log")
    environment = os.environ | {
        "PATH": f"{ROOT / '.venv/bin'}{os.pathsep}{os.environ['PATH']}",
        "PYTHONUNBUFFERED": "1",
        "ANSIBLE_DIFF_ALWAYS": "true",
        "KINORA_SCENARIO_LOG": str(log),  # is searched for secrets
    }
    with log.open("w") as kept, subprocess.Popen(
        ["molecule", "test", "--scenario-name", name],
        cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    ) as molecule:  # fmt: skip
        for line in molecule.stdout or ():
            print(f"{name}: {line}", end="", flush=True)
            print(line, end="", flush=True, file=kept)
            plain = COLOURS.sub("", line)
            whole = whole and not LACKS.search(plain)
            if found := PLAYS.search(plain):
                films.append((FILM, float(found[1])))
            if found := STEP.search(plain):
                steps.append((found[1], time.monotonic()))
    shutil.rmtree(log.parent)
    ends = [when for _, when in steps[1:]] + [time.monotonic()]
    times = [(step, end - when) for (step, when), end in zip(steps, ends, strict=True)]
    together = ("together", time.monotonic() - began)
    return whole and molecule.returncode == 0, [*times, *films, together]


def main() -> None:
    """Run what the command line names, print the times, and fail when a scenario did."""
    names = [Path(argument).name for argument in sys.argv[1:]] or scenarios()
    if unknown := set(names) - set(scenarios()):
        sys.exit(f"There is no molecule/{', molecule/'.join(unknown)}.")
    try:
        demand_all()
    except LabError as error:
        print(f"The appliance's tests ({', '.join(names)}) were left out: {error}.")
        sys.exit(os.environ.get("CI") == "true")
    with ThreadPoolExecutor(AT_ONCE) as pool:
        ran = dict(zip(names, pool.map(run, names), strict=True))
    failed = [name for name, (good, _) in ran.items() if not good]
    print("\n".join(["", *(times for _, times in ran.values())]))
    sys.exit(f"Failed: {' '.join(failed)}" if failed else 0)


if __name__ == "__main__":
    main()
