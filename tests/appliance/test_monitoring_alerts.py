"""Each alert fires when it should, keeps still when it should not, and tells people what to do."""

import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from jinja2 import Environment

ROOT = Path(__file__).parents[2]
ROLE = ROOT / "roles" / "prometheus"
RUNBOOKS = ROOT / "docs" / "runbooks"
HEADINGS = ("## What people notice", "## How to look", "## What to do")
#: promtool counts time from zero; so late every patience but a backup's has run out.
LATE = "110m"


def read_yaml(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


@cache
def rules() -> dict[str, str]:
    """The rule files as the role writes them with its defaults, by name."""
    defaults = read_yaml(ROLE / "defaults" / "main.yml") | {"ansible_managed": "test"}
    jinja = Environment(
        variable_start_string="[[", variable_end_string="]]", keep_trailing_newline=True
    )
    return {
        path.name.removesuffix(".j2"): jinja.from_string(path.read_text()).render(defaults)
        for path in sorted((ROLE / "templates" / "rules").glob("*.j2"))
    }


def alerts(file: str | None = None) -> Iterator[dict[str, Any]]:
    for text in [rules()[file]] if file else rules().values():
        for group in yaml.safe_load(text)["groups"]:
            yield from (rule for rule in group["rules"] if "alert" in rule)


NAMES = sorted(rule["alert"] for rule in alerts())
CASES: dict[str, dict[str, Any]] = read_yaml(Path(__file__).with_name("monitoring_alerts.yml"))


def test_no_alert_has_two_meanings() -> None:
    assert len(NAMES) == len(set(NAMES))


def test_each_alert_has_numbers_that_try_it() -> None:
    assert sorted(CASES) == NAMES
    assert [name for name, case in CASES.items() if "quiet" not in case] == ["Watchdog"]


def test_each_alert_has_a_runbook_and_each_runbook_an_alert() -> None:
    pages = {path.stem for path in RUNBOOKS.glob("*.md")} - {"README"}
    assert pages == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_runbook_says_what_it_means_and_what_to_do(name: str) -> None:
    text = (RUNBOOKS / f"{name}.md").read_text()
    assert text.startswith(f"# {name}\n")
    parts = [text.index(heading) for heading in HEADINGS]
    assert parts == sorted(parts)
    assert f"({name}.md)" in (RUNBOOKS / "README.md").read_text()


@pytest.mark.parametrize("rule", list(alerts()), ids=lambda rule: rule["alert"])
def test_an_alert_is_for_people(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in {"critical", "warning", "none"}
    assert rule["labels"]["component"]
    assert set(rule["annotations"]) == {"summary", "description", "runbook_url"}
    assert rule["annotations"]["runbook_url"] == f"docs/runbooks/{rule['alert']}.md"


def unit_tests(file: str) -> dict[str, Any]:
    """The cases of one rule file as promtool's own test file."""
    ours = {rule["alert"] for rule in alerts(file)}
    tests = []
    for name, case in CASES.items():
        for kind, wanted in (("fires", [{"labels": "{}", "value": 1}]), ("quiet", [])):
            if name not in ours or kind not in case:
                continue
            series = [{"series": key, "values": str(value)} for key, value in case[kind].items()]
            fired = (
                f'count(count by (alertname) (ALERTS{{alertname="{name}", alertstate="firing"}}))'
            )
            tests.append(
                {
                    "interval": "1m",
                    "input_series": series,
                    "promql_expr_test": [
                        {"expr": fired, "eval_time": case.get("at", LATE), "exp_samples": wanted}
                    ],
                }
            )
    files = sorted({"recording.yml", file})
    return {"rule_files": files, "evaluation_interval": "5m", "tests": tests}


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool (Debian: prometheus)")
@pytest.mark.parametrize("file", sorted(rules()))
def test_alerts_fire_when_they_should_and_only_then(file: str, tmp_path: Path) -> None:
    for name, text in rules().items():
        (tmp_path / name).write_text(text)
    (tmp_path / "tests.yml").write_text(yaml.safe_dump(unit_tests(file)))
    for arguments in (["check", "rules", file], ["test", "rules", "tests.yml"]):
        done = subprocess.run(
            ["promtool", *arguments], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
