"""A secret of the appliance by its name, made when it is asked for the first time."""

import os
import secrets
import string
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleError, AnsibleLookupError
from ansible.plugins.lookup import LookupBase

DOCUMENTATION = """
name: kinora_secret
short_description: A secret of the appliance by its name
description:
  - Reads C(kinora_secrets_dir)/NAME on the controller, plain or encrypted by ansible-vault.
  - Makes it, of letters and digits, when it is not there; with C(kinora_secrets_encrypt) it is
    encrypted with the vault password of the run. In check mode nothing is written, nor for a
    playbook that only reads (C(__kinora_reads_only)).
options:
  _terms:
    description: Names.
    required: true
  length:
    description: Letters of a secret that is made.
    type: int
    default: 32
"""

ALPHABET = string.ascii_letters + string.digits


class LookupModule(LookupBase):  # type: ignore[misc] # Ansible has no types
    """`lookup('kinora_secret', 'database_password')`."""

    def run(
        self, terms: list[str], variables: dict[str, Any] | None = None, **kwargs: Any
    ) -> list[str]:
        """The secrets of these names. Raises AnsibleLookupError with a sentence."""
        self.set_options(var_options=variables, direct=kwargs)
        told = variables or {}
        folder = Path(str(self._templar.template(told["kinora_secrets_dir"])))
        encrypt = bool(self._templar.template(told.get("kinora_secrets_encrypt", False)))
        length = int(self.get_option("length"))
        found = []
        for name in terms:
            path = folder / name
            if path.exists():
                found.append(self._read(path))
            elif told.get("ansible_check_mode") or told.get("__kinora_reads_only"):
                found.append("made-on-first-run".ljust(length, "-")[:length])
            else:
                found.append(self._make(path, length, encrypt=encrypt))
        return found

    def _read(self, path: Path) -> str:
        try:
            text = self._loader.get_text_file_contents(str(path))
        except AnsibleError as error:
            raise AnsibleLookupError(
                f"The secret {path} is encrypted, and the vault password of this run does not "
                "open it: give the right one with --ask-vault-pass or --vault-password-file."
            ) from error
        secret = str(text).strip()
        if not secret:
            raise AnsibleLookupError(
                f"The secret {path} is empty: restore it from where the controller is backed up."
            )
        return secret

    def _make(self, path: Path, length: int, *, encrypt: bool) -> str:
        secret = "".join(secrets.choice(ALPHABET) for _ in range(length))
        content = f"{secret}\n".encode()
        if encrypt:
            vault = self._loader._vault  # noqa: SLF001 - there is no public way to it
            if not vault.secrets:
                raise AnsibleLookupError(
                    "kinora_secrets_encrypt is set and this run has no vault password: give one "
                    "with --ask-vault-pass or --vault-password-file."
                )
            content = vault.encrypt(content)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Hosts are worked on side by side: whoever links the finished file first has made it.
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        draft.touch(mode=0o600)
        draft.write_bytes(content)
        try:
            os.link(draft, path)
        except FileExistsError:
            return self._read(path)
        finally:
            draft.unlink()
        return secret
