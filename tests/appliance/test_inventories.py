"""Mistakes in an inventory, each refused by a real ansible-playbook with what a person needs.

The host is this machine, without root; what Ansible knows about it (facts, and the few programs
that the role preflight asks) is given: a wrong system is as easy to have as a wrong variable.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.appliance.conftest import BareHost

ROOT = Path(__file__).parent.parent.parent
ANSIBLE = Path(sys.executable).parent
PASSWORD, OTHER_PASSWORD = "opens", "does not"
#: Takes a variable out of the inventory.
ABSENT = object()

FACTS: dict[str, Any] = {
    "ansible_distribution": "Debian",
    "ansible_distribution_major_version": "13",
    "ansible_architecture": "x86_64",
    "ansible_service_mgr": "systemd",
    "ansible_memtotal_mb": 4096,
    "ansible_all_ipv4_addresses": ["192.0.2.10"],
    "ansible_all_ipv6_addresses": ["2001:db8::10"],
    "ansible_default_ipv4": {"address": "192.0.2.10"},
}
#: What the programs say that the role asks, as shell.
PROGRAMS = {
    "df": "printf '1M-blocks Avail\\n 102400 51200\\n'",
    "ss": ":",
    "date": 'echo "${1#+%s } ${1#+%s }"',
    "getent": "echo '192.0.2.10 STREAM videos.coop.test'; echo '2001:db8::10 STREAM'",
}
NGINX = 'LISTEN 0 511 0.0.0.0:80 0.0.0.0:* users:((\\"nginx\\",pid=7,fd=6))'


class Controller:
    """Runs playbooks/preflight.yml in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def inventory(self, groups: dict[str, Any] | None = None, **variables: Any) -> Path:
        """A good inventory of one host, but for what is told."""
        told = {"kinora_domain": "videos.coop.test", "kinora_admin_email": "admin@coop.test"}
        told |= variables
        hosts = {"box": {"ansible_connection": "local", "ansible_become": False}}
        content: dict[str, Any] = {"kinora": {"hosts": hosts}} | (groups or {})
        content["all"] = {
            "vars": {name: value for name, value in told.items() if value is not ABSENT}
        }
        path = self.folder / "inventory/hosts.yml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(yaml.safe_dump(content))
        return path

    def run(
        self,
        inventory: Path | str,
        *options: str,
        facts: dict[str, Any] | None = None,
        programs: dict[str, str] | None = None,
        **environment: str,
    ) -> tuple[int, str]:
        """The exit status, and all that was said, on one line."""
        gathered = json.dumps({"ansible_facts": FACTS | (facts or {})})
        (self.folder / "library").mkdir(exist_ok=True)
        (self.folder / "library/given_facts.sh").write_text(
            f"#!/bin/sh\n# WANT_JSON\ncat <<'END'\n{gathered}\nEND\n"
        )
        (self.folder / "bin").mkdir(exist_ok=True)
        for name, script in (PROGRAMS | (programs or {})).items():
            program = self.folder / "bin" / name
            program.write_text(f"#!/bin/sh\n{script}\n")
            program.chmod(0o755)
        done = subprocess.run(
            [ANSIBLE / "ansible-playbook", "-i", inventory, "playbooks/preflight.yml", *options],
            cwd=ROOT, check=False, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env={
                "PATH": f"{self.folder / 'bin'}:{ANSIBLE}:{os.environ['PATH']}",
                "HOME": str(self.folder),
                "LANG": "C.UTF-8",
                "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
                "ANSIBLE_LIBRARY": str(self.folder / "library"),
                "ANSIBLE_FACTS_MODULES": "given_facts",
                "ANSIBLE_PIPELINING": "true",
                "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
            } | environment,
        )  # fmt: skip
        return done.returncode, " ".join(done.stdout.split())

    def vault(self, text: str) -> Any:
        """A value that PASSWORD opens."""
        (self.folder / "password").write_text(PASSWORD)
        (self.folder / "other").write_text(OTHER_PASSWORD)
        done = subprocess.run(
            [ANSIBLE / "ansible-vault", "encrypt", "--vault-password-file=password", "--output=-"],
            cwd=self.folder, check=True, text=True, capture_output=True, input=text,
            env=os.environ | {"HOME": str(self.folder)},
        )  # fmt: skip
        return done.stdout


@pytest.fixture
def controller(tmp_path: Path) -> Controller:
    """A controller that has run nothing yet."""
    return Controller(tmp_path)


def test_a_right_inventory_passes_and_makes_nothing(controller: Controller) -> None:
    """Neither on the host nor on the controller: not even secrets."""
    status, said = controller.run(controller.inventory(), "--check")
    assert status == 0, said
    assert "changed=0" in said
    assert not list(controller.folder.glob("*.secrets"))


def test_a_running_site_passes(controller: Controller) -> None:
    """Its own web server holds the ports."""
    status, said = controller.run(controller.inventory(), programs={"ss": f'echo "{NGINX}"'})
    assert status == 0, said


def test_all_mistakes_are_told_together(controller: Controller) -> None:
    """With the line of each in the inventory, and none of a secret's letters."""
    inventory = controller.inventory(
        kinora_domain=ABSENT,
        kinora_domian="videos.coop.test",
        kinora_smtp_port="many",
        kinora_admin_password="short",
    )
    status, said = controller.run(inventory, facts={"ansible_memtotal_mb": 512})
    assert status
    assert "kinora_domain is missing: The name under which people reach the site" in said
    assert f"kinora_domian ({inventory}:" in said
    assert "did you mean kinora_domain?" in said
    assert "must be of the type int, not 'many'." in said
    assert "There are 512 MiB of memory, and 1800 are needed" in said
    assert "is too short for a secret" in said
    assert "'short'" not in said
    assert "changed=0" in said


@pytest.mark.lab
@pytest.mark.timeout(900)  # its image may have to be made
def test_a_bare_host_passes_and_a_taken_port_does_not(
    controller: Controller, bare_host: BareHost
) -> None:
    """As a stranger's first command meets it: over SSH, with sudo, in check mode."""
    inventory = controller.inventory(
        {"kinora": {"hosts": {"box": {"ansible_host": bare_host.ip}}}},
        ansible_user="deploy",
        ansible_ssh_private_key_file=str(bare_host.key),
        ansible_ssh_common_args="-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null",
        ansible_python_interpreter="/usr/bin/python3",
        preflight_dns=False,
    )
    status, said = controller.run(inventory, "--check", ANSIBLE_FACTS_MODULES="smart")
    assert status == 0, said
    assert "changed=0" in said

    serve = "sudo systemd-run --unit=stranger python3 -m http.server 80"
    assert bare_host.ssh(serve).returncode == 0
    status, said = controller.run(inventory, ANSIBLE_FACTS_MODULES="smart")
    assert status
    assert "Port 80 or 443 is taken by python3: stop it" in said
    assert bare_host.ssh("sudo systemctl stop stranger").returncode == 0


#: Variables that are set (or taken out), and a part of the answer.
VARIABLES: dict[str, tuple[dict[str, Any], str]] = {
    "no domain": ({"kinora_domain": ABSENT}, "kinora_domain is missing: The name under which"),
    "an empty domain": ({"kinora_domain": ""}, "is empty: The name under which people reach"),
    "a URL": ({"kinora_domain": "https://coop.test/"}, "must be a name only, without https://"),
    "one word": ({"kinora_domain": "localhost"}, "must be a name like videos.coop.org"),
    "an address": ({"kinora_domain": "192.0.2.10"}, "must be a name like videos.coop.org"),
    "the example": ({"kinora_domain": "videos.example.org"}, "is still the example's"),
    "no e-mail": ({"kinora_admin_email": "root"}, "must be an e-mail address, not 'root'."),
    "a misspelt name": ({"postgres_prot": 5433}, "is known to no role"),
    "a misspelt beginning": ({"kinroa_name": "Coop"}, "did you mean kinora_name?"),
    "a wrong type": ({"kinora_smtp_starttls": "perhaps"}, "must be of the type bool"),
    "a wrong choice": ({"kinora_storage": "s3"}, "must be one of filesystem, swift, external"),
    "a list for a dictionary": ({"kinora_settings": ["a"]}, "must be of the type dict"),
    "a placeholder": ({"kinora_database_password": "changeme"}, "is a placeholder: set a real"),
    "a typo in a template": ({"kinora_name": "{{ nmae }}"}, "'nmae' is undefined"),
    "no vault password": ({"kinora_secrets_encrypt": True}, "this run has no vault password"),
}


@pytest.mark.parametrize("mistake", VARIABLES)
def test_a_wrong_variable_is_refused(controller: Controller, mistake: str) -> None:
    """Before anything is changed."""
    variables, answer = VARIABLES[mistake]
    status, said = controller.run(controller.inventory(**variables))
    assert status
    assert "Nothing was changed. Please put right:" in said
    assert answer in said
    assert "changed=0" in said


#: Facts, what programs say, and a part of the answer.
HOSTS: dict[str, tuple[dict[str, Any], dict[str, str], str]] = {
    "another distribution": (
        {"ansible_distribution": "Ubuntu", "ansible_distribution_major_version": "24"},
        {},
        "The system is Ubuntu 24: Debian 12 (bookworm) or 13 (trixie) is needed.",
    ),
    "an old Debian": ({"ansible_distribution_major_version": "11"}, {}, "The system is Debian 11"),
    "another processor": ({"ansible_architecture": "armv7l"}, {}, "The processor is armv7l"),
    "no systemd": ({"ansible_service_mgr": "sh"}, {}, "not started by systemd but by sh"),
    "a small disk": (
        {},
        {"df": "printf 'size avail\\n 8192 7000\\n'"},
        "The disk of /var has 8 GiB, and 20 are needed",
    ),
    "a full disk": (
        {},
        {"df": "printf 'size avail\\n 102400 900\\n'"},
        "The disk of /var has 0 GiB left, and 3 are needed",
    ),
    "a wrong clock": (
        {},
        {"date": 'echo "$((${1#+%s } - 3600)) ${1#+%s }"'},
        "The clock is 3600 seconds behind the controller's",
    ),
    "a taken port": (
        {},
        {"ss": f'echo "{NGINX.replace("nginx", "apache2")}"'},
        "Port 80 or 443 is taken by apache2: stop it",
    ),
    "no DNS": ({}, {"getent": "exit 2"}, "has no address in DNS: set an A record to 192.0.2.10"),
    "DNS elsewhere": (
        {},
        {"getent": "echo '203.0.113.9 STREAM'"},
        "leads to 203.0.113.9 in DNS, which is not this host (192.0.2.10)",
    ),
    "an old AAAA record": (
        {},
        {"getent": "echo '192.0.2.10 STREAM'; echo '2001:db8::bad STREAM'"},
        "leads to 2001:db8::bad in DNS",
    ),
}


@pytest.mark.parametrize("mistake", HOSTS)
def test_a_host_that_will_not_do_is_refused(controller: Controller, mistake: str) -> None:
    """Before anything is changed."""
    facts, programs, answer = HOSTS[mistake]
    status, said = controller.run(controller.inventory(), facts=facts, programs=programs)
    assert status
    assert answer in said
    assert "changed=0" in said


def test_behind_a_load_balancer_dns_is_not_asked(controller: Controller) -> None:
    """Where the name rightly leads to another address."""
    elsewhere = {"getent": "echo '203.0.113.9 STREAM'"}
    status, said = controller.run(controller.inventory(preflight_dns=False), programs=elsewhere)
    assert status == 0, said


#: Groups besides `kinora`, and a part of the answer.
GROUPS: dict[str, tuple[dict[str, Any], str]] = {
    "no group kinora": (
        {"kinora": {"hosts": {}}, "site": {"hosts": {"box": {}}}},
        "The inventory has no hosts in the group `kinora`",
    ),
    "a misspelt group": (
        {"worker": {"hosts": {"box": {}}}},
        "The group `worker` is known to nobody: did you mean `workers`?",
    ),
    "an empty group": ({"redis": {"hosts": {}}}, "The group `redis` is empty: without it"),
    "a host outside": (
        {"database": {"hosts": {"data": {}}}},
        "Hosts of the group `database` are not in `kinora`: data.",
    ),
    "two databases": (
        {"database": {"hosts": {"box": {}, "data": {}}}},
        "The group `database` has 2 hosts: it can have one.",
    ),
}


@pytest.mark.parametrize("mistake", GROUPS)
def test_wrong_groups_are_refused(controller: Controller, mistake: str) -> None:
    """Ansible by itself would skip what nobody is in, and be content."""
    groups, answer = GROUPS[mistake]
    status, said = controller.run(controller.inventory(groups))
    assert status
    assert answer in said


def test_hosts_on_the_command_line_are_refused(controller: Controller) -> None:
    """Secrets are kept beside the inventory."""
    status, said = controller.run("box,")
    assert status
    assert "The inventory must be a file or a folder" in said


def test_a_wrong_vault_password_is_told(controller: Controller) -> None:
    """Of a variable, and of the secrets that earlier runs made; neither is shown."""
    encrypted = controller.vault("hunter2hunter2")
    inventory = controller.inventory(kinora_smtp_password="HERE")
    text = yaml.safe_dump({"x": encrypted}, default_style="|").partition("\n")[2]
    inventory.write_text(
        inventory.read_text().replace("HERE", f"!vault |\n{text.replace('  ', ' ' * 8)}")
    )
    secrets = controller.folder / "inventory.secrets"
    secrets.mkdir()
    (secrets / "database_password").write_text(encrypted)

    status, said = controller.run(inventory, f"--vault-password-file={controller.folder}/other")
    assert status
    assert "kinora_smtp_password" in said, said
    assert f"The secret {secrets}/database_password is encrypted" in said, said
    assert said.count("the vault password of this run does not open it: give the right one") >= 2
    assert "hunter2" not in said


def test_a_right_vault_password_passes(controller: Controller) -> None:
    """And the secrets stay as they are."""
    secrets = controller.folder / "inventory.secrets"
    secrets.mkdir()
    (secrets / "database_password").write_text(controller.vault("hunter2hunter2"))
    option = f"--vault-password-file={controller.folder}/password"
    status, said = controller.run(controller.inventory(kinora_secrets_encrypt=True), option)
    assert status == 0, said


def test_a_missing_collection_is_named(controller: Controller) -> None:
    """Of who installed ansible-core only."""
    status, said = controller.run(
        controller.inventory(),
        ANSIBLE_COLLECTIONS_PATH=str(controller.folder),
        ANSIBLE_COLLECTIONS_SCAN_SYS_PATH="false",
    )
    assert status
    assert "The controller lacks the collection community.postgresql" in said


def test_an_old_ansible_is_refused(controller: Controller) -> None:
    """Its number is what we change here; the rest is today's."""
    (controller.folder / "sitecustomize.py").write_text(
        "import ansible.release\nansible.release.__version__ = '2.16.3'\n"
    )
    status, said = controller.run(controller.inventory(), PYTHONPATH=str(controller.folder))
    assert status
    assert "This is ansible-core 2.16.3, and 2.19 is needed" in said
