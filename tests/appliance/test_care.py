"""Playbooks that look after a site: what doctor says of programs, which secrets change."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parent.parent.parent
ROLES = ROOT / "roles"
SHARED = yaml.safe_load((ROLES / "kinora/vars/main.yml").read_text())


def load() -> Any:
    """The filters, which Ansible finds by their folder and Python does not."""
    path = ROLES / "kinora/filter_plugins/kinora_care.py"
    spec = importlib.util.spec_from_file_location("kinora_care", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


care = load()


def unit(name: str, *, state: str = "active", file: str = "enabled", load: str = "loaded") -> str:
    """A unit as `systemctl show` tells of it."""
    return f"Id={name}\nLoadState={load}\nActiveState={state}\nUnitFileState={file}\n"


def test_units_that_do_not_run_are_named_with_what_helps() -> None:
    """And those that would be gone after a reboot."""
    shown = "\n".join(
        [
            unit("kinora-web@1.service"),
            unit("kinora-worker@default.service", state="inactive"),
            unit("nginx.service", state="failed"),
            unit("redis-server.service", file="disabled"),
            unit("swift.target", load="not-found", state="inactive", file=""),
            unit("kinora-dispatcher.service", state="activating"),
        ]
    )
    assert [line.partition(":")[0] for line in care.unit_findings(shown)] == [
        "kinora-worker@default.service is stopped",
        "nginx.service has failed",
        "redis-server.service would not start at boot",
        "swift.target is not here",
        "kinora-dispatcher.service is activating",
    ]
    assert care.unit_findings("") == []
    assert care.unit_findings(unit("swift-object.service", file="disabled"), at_boot=False) == []


def test_a_disk_is_named_once() -> None:
    """However often it is mounted; one without inodes has none to run out of."""
    told = """  1M-blocks   Avail   Inodes    IFree Mounted on
     100000   50000  6000000   5000000 /
     100000   50000  6000000   5000000 /var/lib/elsewhere
     200000   19000  6000000     10000 /srv/my films
      50000   40000        0         0 /boot/efi
      50000    4000        -         - /mnt
"""
    assert [line.partition(":")[0] for line in care.disks(told)] == [
        "/srv/my films has 19000 of 200000 MiB left",
        "/srv/my films has 10000 of 6000000 inodes left (docs/runbooks/InodesNearlyGone.md).",
        "/mnt has 4000 of 50000 MiB left",
    ]


LISTENING = """
udp   UNCONN 0 0 127.0.0.1:323       0.0.0.0:* users:(("chronyd",pid=1,fd=5))
tcp   LISTEN 0 9 0.0.0.0:22          0.0.0.0:* users:(("sshd",pid=2,fd=3))
tcp   LISTEN 0 9 [::]:443               [::]:* users:(("nginx",pid=3,fd=3),("nginx",pid=4,fd=3))
tcp   LISTEN 0 9 [::1]:5432             [::]:* users:(("postgres",pid=5,fd=3))
tcp   LISTEN 0 9 127.0.0.53%lo:53    0.0.0.0:* users:(("resolved",pid=5,fd=3))
tcp   LISTEN 0 9 *:9100                    *:* users:(("node-exporter",pid=6,fd=3))
tcp   LISTEN 0 9 0.0.0.0:8000        0.0.0.0:* users:(("python3",pid=7,fd=3))
tcp   LISTEN 0 9 10.0.0.1:6201       0.0.0.0:* users:(("swift",pid=8,fd=3))
"""
RULES = """table inet kinora {
    chain input {
        type filter hook input priority filter; policy drop;
        ct state established,related accept
        tcp dport 22 ct state new add @ssh_new4 { ip saddr limit rate over 60/minute } drop
        tcp dport 22 accept
        tcp dport 443 accept
        tcp dport { 8000, 8001 } accept
        ip saddr 10.0.0.2 tcp dport 6200-6202 accept
    }
}"""
WANTED = [22, {"port": "443"}, {"port": "6200-6202", "from": ["10.0.0.2"]}]


def test_ports_that_others_reach_must_be_wanted() -> None:
    """Behind the firewall it is what the rules let in; without one, all that listens."""
    [line] = care.exposed(LISTENING, RULES, WANTED)
    assert line.startswith("python3 listens on tcp port 8000, which others reach")
    bare = care.exposed(LISTENING, "", WANTED)
    assert [re.findall(r"^(\S+) .* port (\d+)", line)[0] for line in bare] == [
        ("python3", "8000"),
        ("node-exporter", "9100"),
    ]


def test_dead_jobs_and_those_that_wait_are_counted() -> None:
    """Encoding may wait longer."""
    metrics = """# HELP kinora_jobs Jobs that are queued, running or dead.
kinora_jobs{kind="core.mail.send",lane="default",state="dead"} 3.0
kinora_jobs{kind="core.mail.send",lane="default",state="queued"} 9.0
kinora_jobs{kind="transcoding.chunk",lane="transcode",state="dead"} 0.0
kinora_jobs_oldest_ready_seconds{lane="default"} 1200.5
kinora_jobs_oldest_ready_seconds{lane="transcode"} 1200.5
"""
    assert [line.partition(" (")[0].partition(":")[0] for line in care.job_findings(metrics)] == [
        "3 jobs core.mail.send have failed for good",
        "Jobs of lane default wait for 20 minutes",
    ]
    assert care.job_findings("") == []


def test_files_are_compared_with_what_the_inventory_makes_of_them() -> None:
    """One that is not there differs, too."""
    files = [
        {"item": "/etc/a", "stat": {"checksum": "1"}},
        {"item": "/etc/b", "stat": {"checksum": "2"}},
        {"item": "/etc/c", "stat": {"exists": False}},
    ]
    found = care.drift(files, {"/etc/a": "1", "/etc/b": "3", "/etc/c": "4"})
    assert [line.split()[0] for line in found] == ["/etc/b", "/etc/c"]


def test_findings_are_one_list() -> None:
    """What is wrong everywhere is said once, what is known is left out, all on one line."""
    by_host = {
        "web1": ["reboot", "full", "full"],
        "web2": ["reboot", "known: 3 of 4"],
        "db": ["reboot", "full", "in\n two lines"],
    }
    assert care.one_list(by_host, [r"^known: \d"]) == [
        "reboot",
        "web1, db: full",
        "db: in two lines",
    ]
    assert care.one_list({"web1": []}) == []


def test_every_secret_is_either_changed_or_kept() -> None:
    """A new one must be put in one of the two lists of roles/kinora/vars/main.yml."""
    asked = {
        name
        for path in ROLES.glob("*/defaults/main.yml")
        for name in re.findall(r"lookup\('kinora_secret', '(\w+)'", path.read_text())
    }
    assert asked == {*SHARED["__kinora_rotated"], *SHARED["__kinora_kept"]}


def test_every_role_of_a_host_can_be_looked_at_and_removed() -> None:
    """Those that playbooks/site.yml gives to hosts."""
    named = set(re.findall(r"\['(\w+)'\]", SHARED["__kinora_roles"]))
    given = set(re.findall(r"role: (\w+)", (ROOT / "playbooks/site.yml").read_text()))
    assert named == given
    for name in sorted(named):
        assert (ROLES / name / "tasks/doctor.yml").exists(), name
        assert (ROLES / name / "tasks/remove.yml").exists(), name
        assert f"__{name}_findings" in (ROLES / name / "tasks/doctor.yml").read_text()


def test_pages_that_findings_name_are_there() -> None:
    """A hint that leads nowhere is none."""
    files = [*ROLES.glob("*/tasks/*.yml"), ROLES / "kinora/filter_plugins/kinora_care.py"]
    for path in files:
        for page in re.findall(r"docs/\w+/[\w-]+\.md", path.read_text()):
            assert (ROOT / page).exists(), f"{path}: {page}"


class Rotation:
    """The controller's part of playbooks/rotate_secrets.yml, without any host."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.secrets = folder / "secrets"
        self.secrets.mkdir()
        (folder / "play.yml").write_text(
            "- hosts: kinora\n  connection: local\n  gather_facts: false\n  roles: [kinora]\n"
            "  tasks:\n"
            "    - {ansible.builtin.include_role: {name: kinora, tasks_from: rotate}}\n"
        )
        (folder / "hosts.yml").write_text(
            yaml.safe_dump(
                {
                    "kinora": {
                        "hosts": {"box": {"ansible_python_interpreter": sys.executable}},
                        "vars": {
                            "kinora_domain": "tube.coop.test",
                            "kinora_admin_email": "ada@coop.test",
                            "kinora_secrets_dir": str(self.secrets),
                        },
                    }
                }
            )
        )

    def write(self, **made: str) -> None:
        """Secrets as an earlier run made them."""
        for name, content in made.items():
            (self.secrets / name).write_text(content)

    def run(self, *options: str) -> str:
        """Run it; gives what was said."""
        done = subprocess.run(
            [Path(sys.executable).parent / "ansible-playbook", "-i", self.folder / "hosts.yml",
             self.folder / "play.yml", *options],
            check=False, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env=os.environ | {
                "HOME": str(self.folder), "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
                "ANSIBLE_ROLES_PATH": str(ROLES),
            },
        )  # fmt: skip
        return done.stdout

    def files(self) -> list[str]:
        """Names in the folder, those put aside with their folder."""
        return sorted(
            str(path.relative_to(self.secrets))
            for path in self.secrets.rglob("*")
            if path.is_file()
        )


@pytest.fixture
def rotation(tmp_path: Path) -> Rotation:
    """A controller with some secrets."""
    made = Rotation(tmp_path)
    made.write(redis_password="old one", backup_passphrase="dear", storage_access_key="a")
    made.write(storage_secret_key="s")
    return made


def test_old_secrets_go_aside_and_dear_ones_stay(rotation: Rotation) -> None:
    """A check says which, and changes nothing; a second run makes nothing anew."""
    before = rotation.files()
    said = rotation.run("--check")
    assert "redis_password" in said
    assert rotation.files() == before
    rotation.run()
    aside = [".before/redis_password", ".before/storage_access_key", ".before/storage_secret_key"]
    assert rotation.files() == [*aside, "backup_passphrase"]
    rotation.write(redis_password="new one")
    rotation.run()
    assert (rotation.secrets / ".before/redis_password").read_text() == "old one"
    assert (rotation.secrets / "redis_password").read_text() == "new one"


def test_two_halves_of_a_key_go_together(rotation: Rotation) -> None:
    """Whoever asks for one gets both, and nothing else."""
    rotation.run("--extra-vars=only=storage_secret_key")
    assert [name for name in rotation.files() if name.startswith(".before")] == [
        ".before/storage_access_key",
        ".before/storage_secret_key",
    ]


def test_what_cannot_be_changed_is_refused(rotation: Rotation) -> None:
    """With a sentence each, before anything was changed."""
    before = rotation.files()
    said = " ".join(
        rotation.run("--extra-vars=only=backup_passphrase,redis_pasword,database_password").split()
    )
    assert "without it the archives that are there cannot be opened" in said
    assert "There is no secret redis_pasword; these can be changed" in said
    assert "was set in the inventory, or never made" in said
    assert rotation.files() == before


def test_encrypted_secrets_do_not_become_plain(rotation: Rotation) -> None:
    """Who encrypted the files by hand forgot to say so in the inventory."""
    rotation.write(redis_password="$ANSIBLE_VAULT;1.1;AES256\n61\n")
    before = rotation.files()
    assert "failed=1" in rotation.run()
    assert rotation.files() == before
