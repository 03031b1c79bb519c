"""Tables for people, as Markdown, and the verdict on each target."""

import os
import statistics
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

import psutil

from .errors import BenchError
from .paths import ROOT
from .record import keep

README = ROOT / "benchmarks" / "README.md"
PUBLISH = "--publish"
PUBLISH_HELP = "put the results into benchmarks/README.md"


@dataclass(frozen=True, slots=True)
class Check:
    """One target with its bound, what this run measured, and whether that meets it."""

    target: str
    measured: str
    met: bool


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def median_ratio(above: Sequence[float], below: Sequence[float]) -> float:
    """The median over rounds of above/below: neighbours on the machine disturb both parts of a round alike."""
    return statistics.median(a / b for a, b in zip(above, below, strict=True))


def machine() -> str:
    """Date, processors, memory and how busy the machine was: without these no figure means anything."""
    memory = psutil.virtual_memory().total / 2**30
    return f"{datetime.now(UTC).date()}, {os.cpu_count()} cores, {memory:.0f} GiB, load {os.getloadavg()[0]:.1f}"


def verdict(checks: Sequence[Check]) -> tuple[str, int]:
    """Lines that say which targets were met, and the exit code: 0 when all were."""
    lines = [f"{'met   ' if check.met else 'MISSED'}  {check.target}: {check.measured}" for check in checks]
    return "\n".join(lines), 0 if all(check.met for check in checks) else 1


def finish(name: str, paragraphs: Sequence[str], checks: Sequence[Check], *, publish: bool) -> int:
    """Say the results and the verdict, record them, and with `publish` put them into README.md; the exit code."""
    lines, code = verdict(checks)
    keep(name, [asdict(check) for check in checks])
    found = [machine(), *paragraphs, f"```\n{lines}\n```"]
    for paragraph in found:
        say(paragraph)
    if publish:
        put_between(name, found)
    return code


def put_between(name: str, paragraphs: Sequence[str]) -> None:
    """Replace what stands between the marks of `name` in README.md."""
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    text = README.read_text()
    before, _, rest = text.partition(begin)
    after = rest.partition(end)[2]
    if not after:
        raise BenchError(f"benchmarks/README.md has no place for {name}")
    README.write_text(before + "\n\n".join([begin, *paragraphs, end]) + after)


def say(text: str) -> None:
    """A paragraph on standard output."""
    sys.stdout.write(f"{text}\n\n")
    sys.stdout.flush()
