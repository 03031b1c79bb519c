"""What the processes of an instance show to Prometheus at this moment."""

import re
from dataclasses import dataclass

import urllib3

from drill_stage import Stage

PORTS = (
    "API_GATEWAY_PORT",
    "DATA_SERVICE_PORT",
    "AI_SERVICE_PORT",
    "DATA_WORKER_METRICS_PORT",
    "AI_WORKER_METRICS_PORT",
)


@dataclass(frozen=True)
class Figures:
    """Lines of all of them."""

    text: str

    @classmethod
    def of(cls, stage: Stage) -> "Figures":
        """Ask those that answer."""
        values = stage.values
        return cls("\n".join(_asked(values[name]) for name in PORTS if values.get(name, "0") != "0"))

    def total(self, metric: str, label: str = "") -> float:
        """The sum of a metric, where one of its labels fits."""
        line = re.compile(rf"^{metric}(?:\{{(.*)\}})? (\S+)", re.MULTILINE)
        value = re.compile(rf'="({label})"') if label else re.compile("")
        return sum(float(found[2]) for found in line.finditer(self.text) if value.search(found[1] or ""))


def _asked(port: str) -> str:
    try:
        return str(urllib3.request("GET", f"http://127.0.0.1:{port}/metrics", timeout=10, retries=False).data.decode())
    except urllib3.exceptions.HTTPError:
        return ""
