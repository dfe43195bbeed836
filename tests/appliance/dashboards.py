"""Asks a real Prometheus every question of every dashboard, as Grafana would.

    python tests/appliance/dashboards.py --prometheus http://127.0.0.1:9090 [--may-be-empty TITLE]…

Prints what is wrong or empty, and the number of questions; ends with status 1 if there is anything.
Needs Python only: it also runs on the monitoring host.
"""

import argparse
import json
import re
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[2] / "roles" / "grafana" / "files" / "dashboards"
#: What Grafana puts in by itself.
BUILT_IN = {"__rate_interval": "1m", "__interval": "15s", "__range": "1h"}
LOOK_BACK = 300


class Prometheus:
    """The HTTP API of a Prometheus."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")

    def ask(self, path: str, **query: object) -> dict[str, Any]:
        """The whole answer; of a refused question, too."""
        where = f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(query)}"
        try:
            with urllib.request.urlopen(where, timeout=20) as answer:
                told: dict[str, Any] = json.load(answer)
        except urllib.error.HTTPError as error:
            told = json.load(error)
        return told


def panels(some: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """All panels, those in rows too."""
    for panel in some:
        yield panel
        yield from panels(panel.get("panels", []))


def filled_in(text: str, values: dict[str, str]) -> str:
    """A query with its variables' values."""
    known = BUILT_IN | values
    return re.sub(r"\$\{?(\w+)\}?", lambda found: known.get(found[1], found[0]), text)


def choices(board: dict[str, Any], prometheus: Prometheus, wrong: list[str]) -> dict[str, str]:
    """Each variable of a dashboard as the pattern that "All" stands for."""
    found = {}
    for one in board["templating"]["list"]:
        asked = re.fullmatch(r"label_values\((.+),\s*(\w+)\)", one["query"]["query"])
        if asked is None:
            wrong.append(f"{board['title']}: ${one['name']} is asked for in a way not known here")
            continue
        data = prometheus.ask(f"label/{asked[2]}/values", **{"match[]": asked[1]}).get("data", [])
        if not data:
            wrong.append(f"{board['title']}: ${one['name']} has no values")
        found[one["name"]] = "|".join(data) or ".*"
    return found


def trouble(prometheus: Prometheus, query: str, *, instant: bool) -> str:
    """Why a query has nothing to show; empty when it has."""
    now = time.time()
    if instant:
        answer = prometheus.ask("query", query=query, time=now)
    else:
        answer = prometheus.ask("query_range", query=query, start=now - LOOK_BACK, end=now, step=15)
    if answer["status"] != "success":
        return f"refused: {answer['error']}"
    return "" if answer["data"]["result"] else "empty"


def main() -> int:
    """Gives the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--prometheus", required=True, metavar="URL")
    parser.add_argument("--folder", type=Path, default=FOLDER)
    parser.add_argument("--may-be-empty", action="append", default=[], metavar="TITLE")
    arguments = parser.parse_args()
    prometheus, wrong, asked = Prometheus(arguments.prometheus), list[str](), 0
    for path in sorted(arguments.folder.glob("*.json")):
        board = json.loads(path.read_text())
        values = choices(board, prometheus, wrong)
        for panel in panels(board["panels"]):
            for target in panel.get("targets", []):
                asked += 1
                query = filled_in(target["expr"], values)
                why = trouble(prometheus, query, instant=target["instant"])
                if why and not (why == "empty" and panel["title"] in arguments.may_be_empty):
                    wrong.append(f"{board['title']}: {panel['title']}: {why}: {query}")
    print("\n".join([*wrong, f"{asked} questions, {len(wrong)} without an answer"]))
    return int(bool(wrong) or not asked)


if __name__ == "__main__":
    sys.exit(main())
