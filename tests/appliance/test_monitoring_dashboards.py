"""The dashboards are what their sources say, what Grafana understands, and what people can read."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
BOARDS = sorted((ROOT / "roles" / "grafana" / "files" / "dashboards").glob("*.json"))
TYPES = Path(__file__).with_name("dashboards_types")
#: Grafana's own types of what a panel's kind may be told.
KINDS = {"timeseries": "TimeSeries", "stat": "Stat", "bargauge": "BarGauge"}


def board(path: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(path.read_text())
    return read


def drawn(path: Path) -> list[dict[str, Any]]:
    return [panel for panel in board(path)["panels"] if panel["type"] != "row"]


def test_dashboards_are_as_their_sources() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "bin" / "_dashboards.py", "--check"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"Run bin/_dashboards.py; it would change {done.stdout}"


def test_dashboards_are_told_apart() -> None:
    assert len(BOARDS) == len({board(path)["uid"] for path in BOARDS}) >= 4


@pytest.mark.parametrize("path", BOARDS, ids=lambda path: path.stem)
def test_each_panel_says_what_a_bad_value_means(path: Path) -> None:
    for panel in drawn(path):
        assert panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert len(panel["description"]) > 20
        assert panel["targets"]
    titles = [panel["title"] for panel in drawn(path)]
    assert len(titles) == len(set(titles))


@pytest.mark.parametrize("path", BOARDS, ids=lambda path: path.stem)
def test_panels_do_not_lie_on_each_other(path: Path) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in board(path)["panels"]:
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not cells & taken
        assert at["x"] + at["w"] <= 24
        taken |= cells


def test_dashboards_ask_only_for_numbers_of_the_program_that_exist() -> None:
    known = set()
    for path in (ROOT / "app" / "core").glob("metrics*.py"):
        known |= set(re.findall(r'"(kinora_\w+)"', path.read_text()))
    backup = {"kinora_backup_last_success_timestamp_seconds"}
    for path in BOARDS:
        for panel in drawn(path):
            for target in panel["targets"]:
                for name in re.findall(r"(?<![\w\":])kinora_\w+(?=[{\[) ]|$)", target["expr"]):
                    plain = re.sub(r"_(total|bucket|sum|count)$", "", name)
                    assert plain in known | backup, f"{path.stem}: {panel['title']}: {name}"


#: A type as JSON can have it: the words of an enumeration for its members.
AS_JSON = """
type Json<T> = 0 extends 1 & T ? T : T extends string ? `${T}` : T extends number ? number
    : T extends object ? { [K in keyof T]: Json<T[K]> } : T;
"""


def typescript(path: Path) -> str:
    """The dashboard as a program that compiles if its values have Grafana's types."""
    lines = [AS_JSON, 'import type { Dashboard } from "@grafana/schema";']
    for kind, name in KINDS.items():
        where = (
            f"@grafana/schema/dist/esm/raw/composable/{kind}/panelcfg/x/{name}PanelCfg_types.gen"
        )
        lines.append(f'import type * as {kind} from "{where}";')
    lines.append(f"export const board: Json<Dashboard> = {json.dumps(board(path))};")
    for panel in drawn(path):
        kind = panel["type"]
        options = json.dumps(panel["options"])
        lines.append(
            f"export const options{panel['id']}: Json<Partial<{kind}.Options>> = {options};"
        )
        custom = panel["fieldConfig"]["defaults"].get("custom")
        if custom is not None:
            told = json.dumps(custom)
            lines.append(f"export const custom{panel['id']}: Json<{kind}.FieldConfig> = {told};")
    return "\n".join(lines)


@pytest.fixture(scope="module")
def compiler(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with Grafana's types and TypeScript, by the hashes of the lock file."""
    if shutil.which("npm") is None:
        pytest.skip("npm (Debian: npm)")
    folder = tmp_path_factory.mktemp("types")
    for path in TYPES.iterdir():
        shutil.copy(path, folder)
    subprocess.run(
        ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"],
        cwd=folder, check=True, timeout=240,
    )  # fmt: skip
    return folder


def compile_in(folder: Path, sources: dict[str, str]) -> str:
    """What the compiler complains of."""
    for name, text in sources.items():
        (folder / name).write_text(text)
    done = subprocess.run(
        ["node_modules/.bin/tsc", "--noEmit", "--strict", "--skipLibCheck", "--module", "nodenext",
         "--moduleResolution", "nodenext", *sources],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.stdout + done.stderr


@pytest.mark.slow
def test_dashboards_have_the_types_of_grafana(compiler: Path) -> None:
    assert compile_in(compiler, {f"{path.stem}.mts": typescript(path) for path in BOARDS}) == ""


@pytest.mark.slow
def test_grafanas_types_catch_mistakes(compiler: Path) -> None:
    wrong = typescript(BOARDS[0])
    for right, mistake in (
        ('"schemaVersion": 41', '"schemaVersion": "41"'),
        ('"x": 0', '"x": "0"'),
    ):
        assert right in wrong
        told = compile_in(compiler, {"wrong.mts": wrong.replace(right, mistake, 1)})
        assert "is not assignable to type" in told
