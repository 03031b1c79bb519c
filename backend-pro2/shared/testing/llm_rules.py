"""The scripted LLM for tests that know an instance by address alone: `python -m shared.testing.llm_rules PORT FILE`.

The file holds for each marker that may stand in a question what is said to the requests that have it, in turn; the last
answer stays. To all else the answer is the last message, as it came.
"""

import json
import sys
import threading
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

from shared.testing.llm_server import Answer, ScriptedLlm

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


def main(port: int, rules: Path) -> None:
    """Serve until interrupted."""
    with ScriptedLlm(Ruled(json.loads(rules.read_text())), port) as llm, suppress(KeyboardInterrupt):
        sys.stdout.write(f"{llm.url}\n")
        sys.stdout.flush()
        threading.Event().wait()


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
