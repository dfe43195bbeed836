"""`kinora_files` and `kinora_units`: many files, or units, of a host in one execution."""

import http.server
import importlib.util
import json
import os
import pwd
import socket
import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils import basic  # type: ignore[import-untyped]
from ansible.module_utils.testing import patch_module_args  # type: ignore[import-untyped]

ROLE = Path(__file__).parent.parent.parent / "roles/kinora"
ME = pwd.getpwuid(os.getuid()).pw_name
pytestmark = pytest.mark.skipif(ME != "root", reason="gives files away")


def load(place: str) -> Any:
    """A plugin, which Ansible finds by its folder and Python does not."""
    path = ROLE / place
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Ended(Exception):  # noqa: N818 - it ends well, too
    """A module has told its result."""


Run = Callable[..., dict[str, Any]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Runs `kinora_files` as Ansible would, and gives its result."""
    files = load("library/kinora_files.py")

    def ended(_: object, **told: Any) -> None:
        raise Ended(json.dumps(told))

    monkeypatch.setattr(basic.AnsibleModule, "exit_json", ended)
    monkeypatch.setattr(
        basic.AnsibleModule, "fail_json", lambda _, **told: ended(_, failed=True, **told)
    )

    def once(*, check: bool = False, **told: Any) -> dict[str, Any]:
        scratch = str(tmp_path_factory.mktemp("scratch"))
        extra = {"_ansible_check_mode": check, "_ansible_diff": True, "_ansible_tmpdir": scratch}
        with patch_module_args(told | extra), pytest.raises(Ended) as end:
            files.main()
        assert list(Path(scratch).iterdir()) == []
        result: dict[str, Any] = json.loads(str(end.value))
        return result

    return once


def mode(path: Path) -> int:
    """What may be done with it."""
    return stat.S_IMODE(path.stat().st_mode)


def test_it_makes_folders_and_files_once(run: Run, tmp_path: Path) -> None:
    """With their owners and modes; the second run finds nothing to do."""
    folder, file = tmp_path / "above/folder", tmp_path / "above/folder/file.conf"
    told = {
        "folders": [{"path": str(folder), "mode": "0750"}],
        "files": [{"path": str(file), "content": "ä\n", "owner": "daemon", "mode": "0640"}],
    }
    done = run(**told)
    assert done["changed"]
    assert done["changed_paths"] == [str(folder), str(file)]
    assert done["diff"][1]["after"] == "ä\n"
    assert file.read_text() == "ä\n"
    assert (file.owner(), file.group(), mode(file)) == ("daemon", "root", 0o640)
    assert (mode(folder), mode(folder.parent)) == (0o750, 0o755)
    assert run(**told) == {"changed": False, "changed_paths": [], "diff": []}
    assert run(check=True, **told)["changed"] is False


def test_it_changes_what_differs_only(run: Run, tmp_path: Path) -> None:
    """Whoever has the old file open reads it to its end: the new one takes its name."""
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_text("old")
    two.write_text("two")
    old, kept = one.stat().st_ino, two.stat().st_ino
    told = {"files": [{"path": str(path), "content": path.name} for path in (one, two)]}
    done = run(**told)
    assert done["changed_paths"] == [str(one)]
    assert done["diff"] == [
        {"before_header": str(one), "after_header": str(one), "before": "old", "after": "one"}
    ]
    assert one.stat().st_ino != old
    assert two.stat().st_ino == kept
    assert sorted(tmp_path.iterdir()) == [one, two]


def test_a_check_changes_nothing_and_tells_what_would_be(run: Run, tmp_path: Path) -> None:
    """On a bare host as well, which has not got every account yet."""
    there, gone = tmp_path / "there", tmp_path / "gone"
    there.write_text("old")
    gone.write_text("")
    new = tmp_path / "folder/new"
    done = run(
        check=True,
        folders=[{"path": str(new.parent), "owner": "nobody-yet"}],
        files=[
            {"path": str(there), "content": "new", "validate": "/nowhere/at/all %s"},
            {"path": str(new), "content": "x", "group": "nobody-yet"},
        ],
        absent=[str(gone), str(tmp_path / "never")],
    )
    assert done["changed_paths"] == [str(new.parent), str(there), str(new), str(gone)]
    assert [told["after"] for told in done["diff"][1:3]] == ["new", "x"]
    assert sorted(tmp_path.iterdir()) == [gone, there]
    assert there.read_text() == "old"


def test_nothing_is_written_when_one_file_is_not_valid(run: Run, tmp_path: Path) -> None:
    """The others stay as they were, too: what they notify would be lost."""
    good, bad = tmp_path / "good.conf", tmp_path / "bad.conf"
    good.write_text("old")
    bad.write_text("old")
    done = run(
        files=[
            {"path": str(good), "content": "new", "validate": "grep -q new %s"},
            {"path": str(bad), "content": "new", "validate": "grep -c old %s"},
        ]
    )
    assert done["failed"]
    assert done["msg"] == f"{bad} is not valid, and nothing was written: 0"
    assert (good.read_text(), bad.read_text()) == ("old", "old")
    assert sorted(tmp_path.iterdir()) == [bad, good]


def test_a_file_is_checked_as_it_will_be(run: Run, tmp_path: Path) -> None:
    """Some programs look at the name's end, or at who may read it."""
    path = tmp_path / "file.toml"
    told = {"path": str(path), "content": "x", "mode": "0600"}
    named = f"find %s -name *.toml -perm 0600 -fprint {tmp_path}/found"
    assert run(files=[told | {"validate": named}])["changed"]
    assert (tmp_path / "found").read_text()
    assert run(files=[told | {"content": "y", "validate": "true"}])["failed"]
    assert path.read_text() == "x"


def test_mode_and_owner_are_put_right(run: Run, tmp_path: Path) -> None:
    """Without another file."""
    file, folder = tmp_path / "file", tmp_path / "folder"
    file.write_text("same")
    file.chmod(0o666)
    folder.mkdir(mode=0o700)
    there = file.stat().st_ino
    told = {
        "folders": [{"path": str(folder)}],
        "files": [{"path": str(file), "content": "same", "owner": "daemon"}],
    }
    assert run(check=True, **told)["changed_paths"] == [str(folder), str(file)]
    assert (mode(file), mode(folder)) == (0o666, 0o700)
    done = run(**told)
    assert done["diff"][1]["before"] == {"owner": 0, "group": 0, "mode": "0666"}
    assert (file.owner(), mode(file), mode(folder)) == ("daemon", 0o644, 0o755)
    assert file.stat().st_ino == there
    assert not run(**told)["changed"]


def test_links_are_replaced_and_not_followed(run: Run, tmp_path: Path) -> None:
    """Somebody else's file behind one stays as it is; one that says the same goes as well."""
    theirs, link = tmp_path / "theirs", tmp_path / "link"
    theirs.write_text("same")
    link.symlink_to(theirs)
    assert run(files=[{"path": str(link), "content": "same"}])["changed"]
    assert not link.is_symlink()
    dangling = tmp_path / "dangling"
    dangling.symlink_to(tmp_path / "nowhere")
    assert run(absent=[str(dangling)])["changed"]
    assert not run(absent=[str(dangling)])["changed"]
    assert theirs.read_text() == "same"


def test_what_cannot_be_is_told(run: Run, tmp_path: Path) -> None:
    """In a sentence, and no draft stays behind."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    for told, says in (
        ({"files": [{"path": f"{tmp_path}/folder", "content": ""}]}, "folder is a folder"),
        ({"folders": [{"path": f"{tmp_path}/file"}]}, "file is there and is no folder"),
        ({"files": [{"path": f"{tmp_path}/no/file", "content": ""}]}, "No such file"),
        (
            {"files": [{"path": f"{tmp_path}/x", "content": "", "owner": "nobody-yet"}]},
            "cannot be given to nobody-yet:root",
        ),
    ):
        done = run(**told)
        assert done["failed"]
        assert says in done["msg"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


def test_entries_are_made_once_for_each_item() -> None:
    """Where `when` lets them."""
    action = load("action_plugins/kinora_files.py")
    entries = [
        {"path": "/a"},
        {"path": "/b", "when": False},
        {"path": "/{item}", "each": ["c", "d"], "mode": "0600"},
        {"path": "/{item[name]}", "each": [{"name": "e"}], "when": "yes"},
    ]
    assert list(action._each(entries)) == [
        ({"path": "/a"}, {}),
        ({"path": "/c", "mode": "0600"}, {"item": "c"}),
        ({"path": "/d", "mode": "0600"}, {"item": "d"}),
        ({"path": "/e"}, {"item": {"name": "e"}}),
    ]


SHOWN = """LoadState=loaded
ActiveState=active
UnitFileState=enabled
NeedDaemonReload=no

LoadState=loaded
ActiveState=inactive
UnitFileState=disabled
NeedDaemonReload=yes

LoadState=not-found
ActiveState=inactive
UnitFileState=
NeedDaemonReload=no
"""


class Systemd:
    """A module, and the systemd that it talks to."""

    def __init__(self, shown: str, *, check: bool = False, **params: Any) -> None:
        self.shown, self.check_mode = shown, check
        self.params = {"timeout": 0, "names": [], "units": [], **params}
        self.asked: list[str] = []

    def run_command(self, words: list[str]) -> tuple[int, str, str]:
        """`systemctl`."""
        self.asked.append(" ".join(words[1:]))
        return 0, self.shown if words[1] == "show" else "", ""

    def fail_json(self, msg: str) -> None:
        """The end."""
        raise Ended(msg)


def units(*names: str, **more: Any) -> list[dict[str, Any]]:
    """As the module takes them."""
    bare = {"address": "127.0.0.1", "port": None, "url": None, "says": None}
    return [{"name": name, **bare, **more} for name in names]


def test_only_units_that_need_it_are_started_and_enabled() -> None:
    """One question for all; a check changes nothing."""
    module = load("library/kinora_units.py")
    names = ["a.service", "b.service", "c.timer"]
    for check in (False, True):
        systemd = Systemd(SHOWN, check=check, names=names[:1], units=units(*names[1:]))
        work = module.Units(systemd)
        work.run()
        assert (work.stopped, work.disabled) == (["b.service", "c.timer"], ["b.service", "c.timer"])
        assert systemd.asked[0].endswith(" a.service b.service c.timer")
        told = ["daemon-reload", "enable b.service c.timer", "start b.service", "start c.timer"]
        assert systemd.asked[1:] == ([] if check else told)
    systemd = Systemd(SHOWN.partition("\n\n")[0], units=units("a.service"))
    module.Units(systemd).run()
    assert len(systemd.asked) == 1


@pytest.fixture
def page() -> Iterator[str]:
    """A service that is well at /well and not at any other path."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/well" else 503)
            self.end_headers()
            self.wfile.write(b'{"release": "1", "lacks": ["redis"]}')

        def log_message(self, *_: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_units_answer(page: str) -> None:
    """At their ports, or with a page that says what it must."""
    module = load("library/kinora_units.py")
    port = int(page.rpartition(":")[2])

    def wrong(**more: Any) -> str:
        return str(module.answers(units("a.service", **more)[0]))

    assert wrong() == ""
    assert wrong(port=port) == ""
    assert wrong(url=f"{page}/well", says={"release": "1"}) == ""
    assert "redis" in wrong(url=f"{page}/well", says={"release": "2"})
    assert "redis" in wrong(url=f"{page}/ill")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        free = taken.getsockname()[1]
    assert "refused" in wrong(port=free)
    systemd = Systemd(SHOWN.partition("\n\n")[0], units=units("a.service", port=free), timeout=-1)
    with pytest.raises(Ended, match=rf"a.service does not answer at port {free} as it should"):
        module.Units(systemd).answer()
