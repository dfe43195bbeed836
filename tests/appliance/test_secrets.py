"""`lookup('kinora_secret', …)` in a real Ansible: made once, kept, encrypted when asked for."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
ANSIBLE = Path(sys.executable).parent


class Controller:
    """Asks for secrets as a play does."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.secrets = folder / "site.secrets"
        for name in ("right", "wrong"):
            (folder / name).write_text(f"the {name} one")

    def start(
        self, *names: str, arguments: str = "", options: list[str] | None = None
    ) -> subprocess.Popen[str]:
        """Start an Ansible that asks for these secrets."""
        asked = ", ".join(repr(name) for name in ("kinora_secret", *names))
        return subprocess.Popen(
            [ANSIBLE / "ansible", "localhost", "--inventory=localhost,", "--connection=local",
             "--module-name=ansible.builtin.debug",
             f"--args=msg=<{{{{ lookup({asked}{arguments}) }}}}>",
             f"--extra-vars=kinora_secrets_dir={self.secrets}", *(options or [])],
            cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env=os.environ | {
                "HOME": str(self.folder),
                "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
                "ANSIBLE_LOOKUP_PLUGINS": str(ROOT / "roles/kinora/lookup_plugins"),
            },
        )  # fmt: skip

    def told(self, process: subprocess.Popen[str]) -> str:
        """What was said, on one line."""
        return " ".join(process.communicate()[0].split())

    def ask(self, *names: str, arguments: str = "", options: list[str] | None = None) -> str:
        """The secrets, joined by commas. Fails the test when there is none."""
        said = self.told(self.start(*names, arguments=arguments, options=options))
        assert "SUCCESS" in said, said
        return said.partition("<")[2].partition(">")[0]


@pytest.fixture
def controller(tmp_path: Path) -> Controller:
    """A controller without any secrets."""
    return Controller(tmp_path)


def test_a_secret_is_made_once_and_stays(controller: Controller) -> None:
    """For its owner only, of the length that was asked for."""
    made = controller.ask("database_password", arguments=", length=40")
    assert len(made) == 40
    assert made.isalnum()
    assert controller.ask("database_password") == made
    assert stat.S_IMODE(controller.secrets.stat().st_mode) == 0o700
    [file] = controller.secrets.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.read_text() == f"{made}\n"


def test_check_mode_makes_nothing(controller: Controller) -> None:
    """And shows what is there already."""
    assert controller.ask("redis_password", options=["--check"]).startswith("made-on-first-run")
    assert not controller.secrets.exists()
    made = controller.ask("redis_password")
    assert controller.ask("redis_password", options=["--check"]) == made


def test_secrets_are_encrypted_when_asked_for(controller: Controller) -> None:
    """The right password opens them; a wrong one gets a sentence and nothing else."""
    right = [f"--vault-password-file={controller.folder}/right"]
    encrypt = ["--extra-vars={kinora_secrets_encrypt: true}"]
    made = controller.ask("admin_password", options=[*right, *encrypt])
    text = (controller.secrets / "admin_password").read_text()
    assert text.startswith("$ANSIBLE_VAULT;")
    assert made not in text
    assert controller.ask("admin_password", options=right) == made

    for options in ([f"--vault-password-file={controller.folder}/wrong"], []):
        said = controller.told(controller.start("admin_password", options=options))
        assert "FAILED" in said
        assert "the vault password of this run does not open it: give the right one" in said
        assert made not in said
    assert (controller.secrets / "admin_password").read_text() == text


def test_without_a_vault_password_nothing_is_written_plain(controller: Controller) -> None:
    """Who asked for encryption must not find plain text."""
    options = ["--extra-vars={kinora_secrets_encrypt: true}"]
    said = controller.told(controller.start("admin_password", options=options))
    assert "this run has no vault password: give one" in said
    assert not controller.secrets.exists()


def test_an_empty_file_is_no_secret(controller: Controller) -> None:
    """It is what a full disk leaves behind."""
    controller.secrets.mkdir()
    (controller.secrets / "redis_password").touch()
    said = controller.told(controller.start("redis_password"))
    assert "is empty: restore it" in said


def test_two_that_ask_at_once_get_the_same(controller: Controller) -> None:
    """As two hosts of one play do, and two plays at the same time."""
    names = [f"secret_{number}" for number in range(60)]
    both = [controller.start(*names) for _ in range(2)]
    first, second = (controller.told(process) for process in both)
    assert "SUCCESS" in first, first
    assert first == second
    assert sorted(path.name for path in controller.secrets.iterdir()) == sorted(names)
