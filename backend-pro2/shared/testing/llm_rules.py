"""The scripted LLM for tests that know an instance by address alone: `python -m shared.testing.llm_rules PORT FILE`.

The file holds for each marker that may stand in a question what is said to the requests that have it, in turn; the last
answer stays. To all else the answer is the last message, as it came. A third argument names a file for what was
received and answered: written when the process is asked to end, a line of JSON each, bytes in base64.
"""

import json
import signal
import sys
import threading
from base64 import b64encode
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from shared.testing.llm_server import Answer, Received, ScriptedLlm

Rules = dict[str, list[dict[str, Any]]]


class Ruled:
    """Chooses answers; each of a rule's is the members of an Answer."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._asked: Counter[str] = Counter()

    def __call__(self, messages: list[dict[str, Any]]) -> Answer:
        """What is said to these messages; of several markers the last counts: earlier questions come first."""
        said = " ".join(str(message.get("content")) for message in messages)
        marker = max(self._rules, key=said.rfind, default="")
        if not marker or marker not in said:
            return Answer(str(messages[-1].get("content")))
        answers = self._rules[marker]
        number = min(self._asked[marker], len(answers) - 1)
        self._asked[marker] += 1
        return Answer(**answers[number])


def captured(received: Iterable[Received]) -> str:
    """What a file says of exchanges; times are those of the machine's monotonic clock."""
    lines = [
        {
            "request": b64encode(one.body).decode(),
            "response": b64encode(one.answered).decode(),
            "began": one.began,
            "first_text": one.first_text,
            "ended": one.ended,
        }
        for one in received
    ]
    return "".join(json.dumps(line) + "\n" for line in lines)


def main(port: int, rules: Path, record: Path | None = None) -> None:
    """Serve until asked to end."""
    over = threading.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sign, lambda *_: over.set())
    with ScriptedLlm(Ruled(json.loads(rules.read_text())), port) as llm:
        sys.stdout.write(f"{llm.url}\n")
        sys.stdout.flush()
        over.wait()
    if record is not None:
        record.write_text(captured(llm.received))


if __name__ == "__main__":
    main(int(sys.argv[1]), *map(Path, sys.argv[2:]))
