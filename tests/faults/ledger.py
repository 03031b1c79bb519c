"""What clients were told, kept outside the instance: acknowledged work, and answers that must not be."""

import json
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx

OUTAGE = httpx.codes.SERVICE_UNAVAILABLE


class Ledger:
    """Safe to use from many threads; each acknowledgement is in the file before its client goes on."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a")
        self._lock = threading.Lock()
        self.entries: list[dict[str, Any]] = []
        self.answers: Counter[int] = Counter()
        self.cuts = 0
        self.flaws: list[str] = []
        # (when it was sent, how long it took, status) of every answer.
        self.times: list[tuple[float, float, int]] = []

    def acknowledged(self, kind: str, **facts: Any) -> None:
        """The instance said that this is done."""
        entry = {"kind": kind, **facts}
        with self._lock:
            self.entries.append(entry)
            self._file.write(json.dumps(entry) + "\n")
            self._file.flush()

    def of(self, kind: str) -> list[dict[str, Any]]:
        """What was acknowledged of one kind."""
        return [entry for entry in self.entries if entry["kind"] == kind]

    def answered(self, answer: httpx.Response, sent: float) -> None:
        """Take note of an answer, and of what is wrong with it: no fault excuses a 5xx but 503 with Retry-After."""
        status = answer.status_code
        with self._lock:
            self.answers[status] += 1
            self.times.append((sent, time.monotonic() - sent, status))
            if status >= httpx.codes.INTERNAL_SERVER_ERROR and not (
                status == OUTAGE and answer.headers.get("retry-after", "").isdigit()
            ):
                self.flaws.append(f"{answer.request.method} {answer.request.url}: {status} {answer.text[:300]}")

    def cut(self) -> None:
        """A connection broke, so that its client does not know what was done."""
        with self._lock:
            self.cuts += 1

    def blame(self, flaw: str) -> None:
        """Something is wrong that no status shows."""
        with self._lock:
            self.flaws.append(flaw)

    def slowest(self, quantile: float, since: float = 0.0, until: float = float("inf")) -> float:
        """How long answers took, to this quantile, of requests sent in a stretch of `time.monotonic()`."""
        took = sorted(seconds for sent, seconds, _ in self.times if since <= sent < until)
        return took[min(int(len(took) * quantile), len(took) - 1)] if took else 0.0

    def close(self) -> None:
        self._file.close()
