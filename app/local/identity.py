"""As whom the site's processes run: never as root, and never longer than their supervisor lives.

util-linux' `setpriv` sets both between fork and exec, which is where they must be set.
"""

import os
import pwd
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from app.local.trouble import TroubleError

UNPRIVILEGED = "nobody"
PASS_FOLDERS = "dac_override"  # noqa: S105 - a capability: to pass closed folders such as /root
LOW_PORTS = "net_bind_service"


@dataclass(frozen=True, slots=True)
class Identity:
    """A user; `changes` says whether that is another one than ours (we are root)."""

    uid: int
    gid: int
    name: str
    changes: bool
    capabilities: tuple[str, ...] = ()

    def command(
        self, *argv: str | Path, death_signal: str = "KILL", capabilities: Sequence[str] = ()
    ) -> list[str]:
        """The command line that runs `argv` as this user; it gets `death_signal` when we die."""
        command = ["setpriv", "--pdeathsig", death_signal]
        if self.changes:
            kept = (*self.capabilities, *capabilities)
            command += ["--reuid", str(self.uid), "--regid", str(self.gid), "--clear-groups"]
            if kept:
                grants = ",".join(f"+{name}" for name in kept)
                # Without this bit access(2) would answer as if nothing were granted.
                command += ["--securebits", "+no_setuid_fixup"]
                command += ["--inh-caps", grants, "--ambient-caps", grants]
        return [*command, "--", *map(str, argv)]

    def give(self, path: Path) -> None:
        """Make the user the owner of a file or folder of ours."""
        if self.changes:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)

    def able_to_use(self, *paths: Path) -> "Identity":
        """This user, with the right to pass closed folders where a path lies in one.

        PostgreSQL refuses to be root, yet a checkout or a data folder may be in root's home.
        """
        if not self.changes or all(self.reaches(path) for path in paths):
            return self
        able = replace(self, capabilities=(PASS_FOLDERS,))
        if not all(able.reaches(path) for path in paths):
            closed = next(path for path in paths if not able.reaches(path))
            raise TroubleError(f"The user {self.name} cannot reach {closed}; choose another place.")
        return able

    def reaches(self, path: Path) -> bool:
        """Whether the user gets to a file or folder."""
        # PostgreSQL asks the same question, by access(2), about its own programs.
        test = self.command("test", "-x", path)
        return subprocess.run(test, check=False, stderr=subprocess.DEVNULL).returncode == 0


def choose(data: Path) -> Identity:
    """Ourselves; for root the owner of the data folder, or `nobody` where that is root."""
    if os.geteuid() != 0:
        return Identity(os.geteuid(), os.getegid(), "", changes=False)
    owner = data.stat()
    try:
        user = pwd.getpwuid(owner.st_uid) if owner.st_uid else pwd.getpwnam(UNPRIVILEGED)
    except KeyError:
        return Identity(owner.st_uid, owner.st_gid, str(owner.st_uid), changes=True)
    return Identity(user.pw_uid, user.pw_gid, user.pw_name, changes=True)
