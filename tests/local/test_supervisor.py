"""The supervisor: restarts what falls, stops in order, leaves nothing."""

import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from app.local import supervisor as module
from app.local.supervisor import Process, Supervisor
from app.local.trouble import TroubleError


class Watched:
    """A supervisor, and what it said and did."""

    def __init__(self, folder: Path) -> None:
        self.said: list[str] = []
        self.running: list[Mapping[str, int]] = []
        (folder / "log").mkdir()
        self.supervisor = Supervisor(
            folder=folder,
            logs=folder / "log",
            environment={"PATH": os.environ["PATH"]},
            say=self.said.append,
            give=lambda _: None,
            on_change=lambda running: self.running.append(dict(running)),
        )

    def until(self, condition: Callable[[], bool]) -> None:
        """Let it work until something is so (pytest's time limit ends what never is)."""
        while not condition():
            self.supervisor.watch(seconds=0.01)


@pytest.fixture
def watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watched]:
    monkeypatch.setattr(module, "FIRST_PAUSE", 0.001)
    one = Watched(tmp_path)
    yield one
    one.supervisor.stop(*one.supervisor.names, seconds=0)


def script(text: str, name: str = "one") -> Process:
    return Process(name, [sys.executable, "-I", "-S", "-c", text])


def test_what_falls_over_is_started_again(watched: Watched) -> None:
    watched.supervisor.start(script("import time; print('up', flush=True); time.sleep(600)"))
    (first,) = watched.running[-1].values()
    watched.until(lambda: "up" in watched.supervisor.log("one").read_text())
    os.kill(first, signal.SIGKILL)
    watched.until(lambda: watched.running[-1] != {"one": first} and bool(watched.running[-1]))
    assert "one was ended by SIGKILL, starting it again" in watched.said[0]
    watched.until(lambda: watched.supervisor.log("one").read_text().count("up") == 2)


def test_pauses_grow_while_it_keeps_falling(watched: Watched) -> None:
    watched.supervisor.start(script("raise SystemExit(3)"))
    watched.until(lambda: len(watched.said) == 4)
    assert "one ended with status 3" in watched.said[0]
    assert watched.supervisor._children["one"].pause == pytest.approx(0.016)


def test_one_that_does_not_start_is_told_with_its_last_words(watched: Watched) -> None:
    watched.supervisor.start(script("raise SystemExit('no such table')"))
    watched.supervisor._children["one"].running.wait()  # type: ignore[union-attr]
    with pytest.raises(TroubleError, match=r"one does not start: no such table\. See "):
        watched.supervisor.require("one")


def test_stopping_asks_first_and_kills_who_does_not_listen(watched: Watched) -> None:
    ready = "print('ready', flush=True); time.sleep(600)"
    listens = f"import signal, time; signal.signal(15, lambda *_: print('bye') or exit(0)); {ready}"
    deaf = f"import signal, time; signal.signal(15, signal.SIG_IGN); {ready}"
    watched.supervisor.start(script(listens, "listens"))
    watched.supervisor.start(script(deaf, "deaf"))
    for name in ("listens", "deaf"):
        watched.until(lambda name=name: "ready" in watched.supervisor.log(name).read_text())  # type: ignore[misc]
    watched.supervisor.stop("listens", seconds=60)
    watched.supervisor.stop("deaf", seconds=0.1)
    assert "bye" in watched.supervisor.log("listens").read_text()
    assert watched.said == ["deaf did not stop in time and is killed"]
    assert watched.running[-1] == {}
    assert watched.supervisor.names == []


def test_a_long_log_makes_room(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LARGEST_LOG", 5)
    log = watched.supervisor.log("one")
    log.write_text("old news")
    watched.supervisor.start(script("import time; time.sleep(600)"))
    assert log.read_text() == ""
    assert log.with_suffix(".log.1").read_text() == "old news"


@pytest.mark.parametrize(
    ("text", "last"),
    [("a\nb.\n\n", "b."), ("only", "only."), ("", "it said nothing."), (None, "it said nothing.")],
)
def test_last_line(tmp_path: Path, text: str | None, last: str) -> None:
    log = tmp_path / "log"
    if text is not None:
        log.write_text(text)
    assert module.last_line(log) == last
