"""A dashboard as Grafana's JSON."""

import json
from collections.abc import Iterator
from typing import Any

from boards.model import Board, Panel, Query, Row

COLUMNS = 24
HEIGHTS = {"stat": 5, "table": 9, "timeseries": 8, "bargauge": 8}
DATASOURCE = {"type": "prometheus", "uid": "prometheus"}
SCHEMA = 41


def render(board: Board) -> str:
    """The text of the dashboard's file."""
    dashboard = {
        "uid": board.uid,
        "title": board.title,
        "description": board.description,
        "tags": ["ai-platform"],
        "editable": False,
        "graphTooltip": 1,
        "refresh": "30s",
        "schemaVersion": SCHEMA,
        "time": {"from": "now-1h", "to": "now"},
        "timezone": "browser",
        "links": [
            {"type": "dashboards", "tags": ["ai-platform"], "title": "Dashboards", "asDropdown": True, "keepTime": True}
        ],
        "templating": {"list": list(_variables(board))},
        "panels": list(_laid_out(board)),
    }
    return json.dumps(dashboard, indent=1, ensure_ascii=False) + "\n"


def _variables(board: Board) -> Iterator[dict[str, Any]]:
    yield _variable("project", "Instance", "label_values(up, project)")
    if board.by_service:
        yield _variable("service", "Service", 'label_values(up{project=~"$project",job!~"prometheus|ray"}, job)')


def _variable(name: str, label: str, query: str) -> dict[str, Any]:
    return {
        "name": name,
        "label": label,
        "type": "query",
        "datasource": DATASOURCE,
        "query": {"query": query, "refId": name},
        "definition": query,
        "refresh": 2,
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "allValue": ".+",
        "current": {"text": "All", "value": "$__all"},
    }


def _laid_out(board: Board) -> Iterator[dict[str, Any]]:
    """Rows one below the other, panels beside each other as long as there is room."""
    number, top = 1, 0
    for row in board.rows:
        yield {
            "id": number,
            "type": "row",
            "title": row.title,
            "collapsed": False,
            "panels": [],
            "gridPos": _at(0, top),
        }
        number, top = number + 1, top + 1
        for panel, left, down, height in _places(row):
            yield _panel(panel, number, {"x": left, "y": top + down, "w": panel.wide, "h": height})
            number += 1
        top += sum(height for _, left, _, height in _places(row) if left == 0)


def _at(left: int, top: int) -> dict[str, int]:
    return {"x": left, "y": top, "w": COLUMNS, "h": 1}


def _places(row: Row) -> Iterator[tuple[Panel, int, int, int]]:
    """Each panel with its column, its line within the row, and its height: that of the tallest beside it."""
    left = down = height = 0
    lines: list[list[tuple[Panel, int]]] = [[]]
    for panel in row.panels:
        if left + panel.wide > COLUMNS:
            lines.append([])
            left = 0
        lines[-1].append((panel, left))
        left += panel.wide
    for line in lines:
        height = max(HEIGHTS[panel.kind] for panel, _ in line)
        yield from ((panel, left, down, height) for panel, left in line)
        down += height


def _panel(panel: Panel, number: int, place: dict[str, int]) -> dict[str, Any]:
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.description,
        "datasource": DATASOURCE,
        "gridPos": place,
        "targets": [_target(panel, query, number) for number, query in enumerate(panel.queries)],
        "fieldConfig": {"defaults": _defaults(panel), "overrides": []},
        "options": _OPTIONS[panel.kind],
    }


def _target(panel: Panel, query: Query, number: int) -> dict[str, Any]:
    # A table and a figure show what is now; a line what was.
    now = panel.kind in {"table", "stat", "bargauge"}
    return {
        "refId": chr(ord("A") + number),
        "datasource": DATASOURCE,
        "expr": query.expr,
        "legendFormat": query.legend,
        "instant": now,
        "range": not now,
        "format": "table" if panel.kind == "table" else "time_series",
    }


def _defaults(panel: Panel) -> dict[str, Any]:
    defaults: dict[str, Any] = {
        "unit": panel.unit,
        "min": 0,
        "color": {"mode": "palette-classic" if panel.kind == "timeseries" else "thresholds"},
        "thresholds": {
            "mode": "absolute",
            "steps": [{"value": value, "color": colour} for value, colour in panel.steps],
        },
    }
    if panel.highest is not None:
        defaults["max"] = panel.highest
    if panel.kind == "timeseries":
        shown = "dashed" if len(panel.steps) > 1 else "off"
        defaults["custom"] = {
            "fillOpacity": 30 if panel.stacked else 10,
            "showPoints": "never",
            "spanNulls": False,
            "stacking": {"mode": "normal" if panel.stacked else "none"},
            "thresholdsStyle": {"mode": shown},
        }
    return defaults


_OPTIONS: dict[str, dict[str, Any]] = {
    "timeseries": {
        "legend": {"displayMode": "table", "placement": "bottom", "calcs": ["lastNotNull", "max"]},
        "tooltip": {"mode": "multi", "sort": "desc"},
    },
    "stat": {
        "reduceOptions": {"calcs": ["lastNotNull"]},
        "colorMode": "value",
        "graphMode": "none",
        "textMode": "auto",
    },
    "table": {"showHeader": True, "cellHeight": "sm"},
    "bargauge": {"displayMode": "gradient", "reduceOptions": {"calcs": ["lastNotNull"]}},
}
