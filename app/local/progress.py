"""A bar that grows on a terminal; a line for each step in a log."""

import shutil
import sys

WIDTH = 24


class Progress:
    """How much of something is done."""

    def __init__(self, total: int, what: str) -> None:
        """`what` is said of the number that is done: "3 of 12 videos play"."""
        self._total = total
        self._what = what
        self._done = 0
        self._doing = ""
        self._on_terminal = sys.stdout.isatty()

    def count(self, done: int) -> None:
        """So many are done."""
        if done != self._done:
            self._done = done
            self._draw(step=False)

    def show(self, doing: str) -> None:
        """What is being done now."""
        if doing != self._doing:
            self._doing = doing
            self._draw(step=True)

    def _draw(self, *, step: bool) -> None:
        if not self._on_terminal:
            if step:
                print(f"{self._done} of {self._total} {self._what}, {self._doing}", flush=True)
            return
        full = round(WIDTH * self._done / self._total)
        line = f"{'█' * full}{'░' * (WIDTH - full)} {self._done} of {self._total} {self._what}"
        columns = shutil.get_terminal_size().columns - 1
        print(f"\r{f'{line}, {self._doing}'[:columns]:{columns}}", end="", flush=True)

    def end(self) -> None:
        """Leave the bar behind."""
        self._doing = "done"
        self._draw(step=True)
        if self._on_terminal:
            print()
