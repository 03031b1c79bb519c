"""The rules of monitoring/rules as objects of Prometheus's operator."""

from pathlib import Path

from manifests import DEPLOYMENTS, ROOT

SOURCES = ROOT / "monitoring" / "rules"
TARGET = DEPLOYMENTS / "components" / "monitoring" / "rules.yaml"
HEADING = "# Written by scripts/check-deployments.sh --write from monitoring/rules: edit those.\n"


def rendered() -> str:
    """One object a file, in the order of their names; what stands in the file stands below `spec`."""
    return HEADING + "---\n".join(_object(file) for file in sorted(SOURCES.glob("*.yml")))


def _object(file: Path) -> str:
    head = (
        "apiVersion: monitoring.coreos.com/v1\n"
        "kind: PrometheusRule\n"
        "metadata:\n"
        f"  name: {file.stem}\n"
        "  labels: {app.kubernetes.io/part-of: ai-platform}\n"
        "spec:\n"
    )
    return head + "".join(f"  {line}\n" if line else "\n" for line in file.read_text().splitlines())


def faults() -> list[str]:
    """What is in the component and no longer in the rules, or the other way round."""
    current = TARGET.read_text() if TARGET.exists() else ""
    place = TARGET.relative_to(ROOT)
    return [] if current == rendered() else [f"{place} is not what monitoring/rules say: run with --write"]


def write() -> None:
    """Bring the component to the rules."""
    TARGET.write_text(rendered())
