"""Somebody who follows tasks by their events, over streams that break, and misses nothing."""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from .clients import Insistent
from .ledger import OUTAGE

FINAL = ("succeeded", "failed", "cancelled")
PATIENCE_SECONDS = 240.0
SILENCE_SECONDS = 30.0


@dataclass(slots=True)
class Story:
    """What was told of one task: the events' numbers and kinds, as they came."""

    task_id: str
    events: list[tuple[int, str]] = field(default_factory=list)
    is_over: bool = False
    breaks: int = 0

    def hear(self, number: int, event: str, data: dict[str, Any]) -> None:
        self.events.append((number, event))
        self.is_over = event == "state" and data.get("status") in FINAL


class Follower:
    """Takes the newest of the tasks that `given` holds, follows it, and then the newest again."""

    def __init__(self, person: Insistent, given: Sequence[str]) -> None:
        self._person = person
        self._given = given
        self.stories: list[Story] = []

    def act(self) -> None:
        """Follow one task to its end, unless there is no newer one."""
        if not self._given or (self.stories and self.stories[-1].task_id == self._given[-1]):
            return
        story = Story(self._given[-1])
        self.stories.append(story)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not story.is_over and time.monotonic() < deadline:
            try:
                self._listen(story)
            except httpx.TransportError:
                self._person.ledger.cut()
            if not story.is_over:
                story.breaks += 1
                time.sleep(0.3)

    def _listen(self, story: Story) -> None:
        headers = {"last-event-id": str(story.events[-1][0])} if story.events else {}
        path, sent = f"/tasks/{story.task_id}/events", time.monotonic()
        with self._person.person.client.stream("GET", path, headers=headers, timeout=SILENCE_SECONDS) as stream:
            if not stream.is_success:
                stream.read()
                self._person.ledger.answered(stream, sent)
                if stream.status_code != OUTAGE:
                    self._person.ledger.blame(f"the stream of {story.task_id}: {stream.status_code} {stream.text}")
                    story.is_over = True
                return
            current: dict[str, str] = {}
            for line in stream.iter_lines():
                name, _, value = line.partition(":")
                if line:
                    current[name] = value.strip()
                elif "event" in current:
                    story.hear(int(current["id"]), current["event"], json.loads(current["data"]))
                    current = {}


def flaws(stories: list[Story], kept: dict[str, list[tuple[int, str]]]) -> list[str]:
    """What was missed, told twice or never ended, compared with the events that are kept."""
    found = []
    for story in stories:
        if not story.is_over:
            found.append(f"the stream of {story.task_id} did not come to an end: {story.events[-3:]}")
        elif story.events != kept.get(story.task_id, [])[: len(story.events)]:
            found.append(f"the stream of {story.task_id} told {story.events}, kept are {kept.get(story.task_id)}")
    return found
