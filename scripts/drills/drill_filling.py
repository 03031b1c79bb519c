"""Filling a disk by real work: who is told what, and whether what was acknowledged is there afterwards."""

import hashlib
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from drill_person import Answer, Person

REFUSALS = 6
LINE = b"%d,%d\n"


def bulky(seed: int, size: int) -> bytes:
    """A CSV of about so many bytes that no compression makes smaller."""
    chance = random.Random(seed)  # noqa: S311 - data, not secrets
    rows = (b"%d,%s\n" % (n, chance.randbytes(60).hex().encode()) for n in range(size // 128))
    return b"id,noise\n" + b"".join(rows)


@dataclass
class Filling:
    """What was acknowledged, and what was refused."""

    person: Person
    kept: dict[str, str] = field(default_factory=dict)
    words: Counter[str] = field(default_factory=Counter)
    bytes: int = 0

    def upload(self, size: int) -> bool:
        """Whether one upload came to its end."""
        content = bulky(time.monotonic_ns(), size)
        answer = self.person.upload(content)
        if answer.ok and answer.json["status"] == "ready":
            dataset = str(answer.json["id"])
            self.kept[dataset] = hashlib.sha256(content).hexdigest()
            self.bytes += len(content)
        self.words[self._word(answer)] += 1
        return answer.ok and answer.json["status"] == "ready"

    def ask(self, method: str, path: str) -> None:
        """Ask for something else, and remember how that is refused."""
        answer = self.person.send(method, path)
        if not answer.ok:
            self.words[self._word(answer)] += 1

    def until_refused(self, size: int, seconds: float, press: Callable[[], None] = lambda: None) -> float:
        """Upload until so many in a row are refused, or the time is over; the seconds that it took."""
        began, refused = time.monotonic(), 0
        while refused < REFUSALS and time.monotonic() - began < seconds:
            refused = 0 if self.upload(size) else refused + 1
            press()
        return time.monotonic() - began

    def _word(self, answer: Answer) -> str:
        """What somebody is told; of a file that was taken and could not be read, its task's error."""
        if not answer.ok:
            return f"{answer.status} {answer.code}".strip()
        status = str(answer.json["status"])
        return f"{answer.status} {status} {(answer.json.get('error') or {}).get('code', '')}".strip()

    def lost(self) -> dict[str, str]:
        """Acknowledged files that are not there as they were sent."""
        found = {dataset: self._raw(dataset) for dataset in self.kept}
        return {dataset: word for dataset, word in found.items() if word != self.kept[dataset]}

    def _raw(self, dataset: str) -> str:
        answer = self.person.send("GET", f"/datasets/{dataset}/download?raw=true")
        return hashlib.sha256(answer.body).hexdigest() if answer.ok else str(answer)
