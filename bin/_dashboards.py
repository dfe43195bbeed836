"""Writes Grafana's dashboards (JSON, for hosts) from what people edit (YAML).

    .venv/bin/python bin/_dashboards.py           write them
    .venv/bin/python bin/_dashboards.py --check   say which are not as their source says

A source lists panels from left to right; each has a title, a unit, its queries, and `look`: what a
bad value means. Grafana's JSON needs a hundred lines for that, most of them the same.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROLE = Path(__file__).parent.parent / "roles" / "grafana"
SOURCE = {"type": "prometheus", "uid": "kinora-prometheus"}
COLUMNS, HEIGHT = 24, 8
#: The version of Grafana's dashboard model that this file writes.
SCHEMA = 41


def dashboard(source: dict[str, Any]) -> dict[str, Any]:
    """The whole dashboard, as Grafana reads it."""
    return {
        "uid": source["uid"],
        "title": source["title"],
        "description": source["description"],
        "tags": ["kinora"],
        "schemaVersion": SCHEMA,
        "editable": False,
        "graphTooltip": 1,
        "timezone": "browser",
        "refresh": "1m",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": [variable(one) for one in source.get("variables", [])]},
        "annotations": {"list": []},
        "links": [others()],
        "panels": list(placed(source["panels"])),
    }


def variable(source: dict[str, Any]) -> dict[str, Any]:
    """A choice above the panels: all values, until somebody picks some."""
    return {
        "name": source["name"],
        "label": source["label"],
        "type": "query",
        "datasource": SOURCE,
        "query": {"query": source["values"], "refId": "values"},
        "refresh": 2,
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "current": {"text": ["All"], "value": ["$__all"]},
    }


def others() -> dict[str, Any]:
    """A menu of the other dashboards, which keeps the times on view."""
    return {
        "title": "Kinora",
        "type": "dashboards",
        "tags": ["kinora"],
        "asDropdown": True,
        "includeVars": False,
        "keepTime": True,
        "targetBlank": False,
        "icon": "external link",
        "tooltip": "",
        "url": "",
    }


def placed(sources: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Panels with their places: left to right, then below."""
    x = y = 0
    for number, source in enumerate(sources, 1):
        if "row" in source:
            x, y = 0, y + (HEIGHT if x else 0)
            place = {"h": 1, "w": COLUMNS, "x": 0, "y": y}
            yield {"id": number, "type": "row", "title": source["row"], "collapsed": False,
                   "gridPos": place, "panels": []}  # fmt: skip
            y += 1
            continue
        width = source.get("width", 8)
        if x + width > COLUMNS:
            x, y = 0, y + HEIGHT
        yield panel(source, number, {"h": HEIGHT, "w": width, "x": x, "y": y})
        x += width


def panel(source: dict[str, Any], number: int, place: dict[str, int]) -> dict[str, Any]:
    """One panel."""
    kind = source.get("kind", "timeseries")
    return {
        "id": number,
        "type": kind,
        "title": source["title"],
        "description": source["look"],
        "gridPos": place,
        "datasource": SOURCE,
        "targets": [
            {
                "refId": chr(ord("A") + index),
                "datasource": SOURCE,
                "expr": query["expr"],
                "legendFormat": query.get("name", "__auto"),
                "range": kind == "timeseries",
                "instant": kind != "timeseries",
            }
            for index, query in enumerate(source["queries"])
        ],
        "fieldConfig": {"defaults": field(source, kind), "overrides": []},
        "options": OPTIONS[kind],
    }


def field(source: dict[str, Any], kind: str) -> dict[str, Any]:
    """Unit, bounds, and from where on a value is yellow and red."""
    colours = [{"color": "green", "value": None}]
    # Where little is bad, red comes first.
    if "bad_below" in source:
        colours = [
            {"color": "red", "value": None},
            {"color": "green", "value": source["bad_below"]},
        ]
    for colour in ("yellow", "red"):
        if colour in source:
            colours.append({"color": colour, "value": source[colour]})
    marked = len(colours) > 1
    settings: dict[str, Any] = {
        "unit": source["unit"],
        "thresholds": {"mode": "absolute", "steps": colours},
        "color": {"mode": "palette-classic" if kind == "timeseries" else "thresholds"},
    }
    settings |= {bound: source[bound] for bound in ("min", "max", "decimals") if bound in source}
    if kind == "timeseries":
        settings["custom"] = {
            "fillOpacity": 30 if source.get("stack") else 8,
            "showPoints": "never",
            "spanNulls": 120_000,
            "stacking": {"mode": "normal" if source.get("stack") else "none", "group": "A"},
            "thresholdsStyle": {"mode": "line" if marked else "off"},
        }
    return settings


REDUCE = {"calcs": ["lastNotNull"], "fields": "", "values": False}
OPTIONS: dict[str, dict[str, Any]] = {
    "timeseries": {
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
        "tooltip": {"mode": "multi", "sort": "desc"},
    },
    "stat": {
        "reduceOptions": REDUCE,
        "colorMode": "background",
        "graphMode": "none",
        "justifyMode": "auto",
        "orientation": "auto",
        "textMode": "auto",
    },
    "bargauge": {
        "reduceOptions": REDUCE,
        "displayMode": "basic",
        "orientation": "horizontal",
        "showUnfilled": True,
    },
}


def main() -> int:
    """Gives the exit status."""
    stale = []
    for path in sorted((ROLE / "dashboards").glob("*.yml")):
        text = json.dumps(dashboard(yaml.safe_load(path.read_text())), indent=1) + "\n"
        made = ROLE / "files" / "dashboards" / f"{path.stem}.json"
        if made.exists() and made.read_text() == text:
            continue
        stale.append(made.name)
        if "--check" not in sys.argv[1:]:
            made.parent.mkdir(parents=True, exist_ok=True)
            made.write_text(text)
    print("\n".join(stale), end="\n" if stale else "")
    return int(bool(stale) and "--check" in sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
