"""Bells: what Celery is told to do, which queue a bell is for, and how many slots it wakes."""

import asyncio
import subprocess
import sys
from typing import Any
from uuid import uuid4

import pytest

from shared.config import Settings
from shared.tasks import Queue
from shared.tasks.bell import Bell
from shared.tasks.doorbell import create_celery
from shared.tasks.queues import SERVICE_QUEUES, slots


def settings(**changes: Any) -> Settings:
    return Settings(_env_file=None, **changes)


def test_celery_acknowledges_late_and_knows_json_only() -> None:
    conf = create_celery(settings(), "test").conf
    assert (conf.task_acks_late, conf.task_reject_on_worker_lost) == (True, False)
    serializers = (conf.task_serializer, conf.result_serializer, conf.event_serializer)
    assert (*serializers, conf.accept_content, conf.result_accept_content) == ("json",) * 3 + (["json"],) * 2
    assert conf.result_backend is None
    assert conf.task_ignore_result


@pytest.mark.parametrize(("limit", "least"), [(10, 3600), (3600, 4200), (7200.5, 7801)])
def test_no_message_comes_back_while_its_work_may_last(limit: float, least: int) -> None:
    conf = create_celery(settings(task_timeout_seconds=limit), "test").conf
    assert conf.broker_transport_options["visibility_timeout"] == least


@pytest.mark.parametrize("enabled", [False, True])
def test_events_are_sent_only_to_flower(enabled: bool) -> None:
    conf = create_celery(settings(flower_enabled=enabled), "test").conf
    assert (conf.worker_send_task_events, conf.task_send_sent_event) == (enabled, enabled)


def test_each_queue_has_slots_of_its_own() -> None:
    chosen = settings(worker_concurrency=3, llm_concurrency=5)
    assert slots("ai-service", chosen) == {"analysis": 3, "train": 1, "llm": 5}
    assert slots("data-service", chosen) == {"ingest": 3, "maintenance": 1}
    assert slots("ai-service", settings(worker_queues="train,ingest")) == {"train": 1}
    assert sorted(queue for queues in SERVICE_QUEUES.values() for queue in queues) == sorted(Queue)


async def test_a_ring_wakes_one_and_as_many_rings_as_many() -> None:
    bell, woken = Bell(3), []

    async def wait(number: int) -> None:
        await bell.wait(60)
        woken.append(number)

    waiting = [asyncio.create_task(wait(number)) for number in range(3)]
    await asyncio.sleep(0)
    bell.ring()
    await waiting[0]
    assert woken == [0]
    bell.ring()
    bell.ring()
    await asyncio.gather(*waiting)
    assert woken == [0, 1, 2]


async def test_rings_are_kept_for_those_who_are_busy_but_not_more_than_needed() -> None:
    bell = Bell(2)
    for _ in range(5):
        bell.ring()
    bell.answer()
    await asyncio.wait_for(bell.wait(60), 1)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(bell.wait(60), 0.01)
    await asyncio.wait_for(bell.wait(0.01), 1)
    bell.answer()
    bell.ring_all()
    await asyncio.wait_for(asyncio.gather(bell.wait(60), bell.wait(60)), 30)


def test_a_message_rings_for_its_queue_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    from shared.tasks import worker
    from shared.tasks.doorbell import RING

    rung: list[str] = []
    monkeypatch.setattr(worker.WorkerThread, "ring", lambda _, queue: rung.append(queue))
    app = worker.create_worker("ai-service", {}, ())
    app.tasks[RING].apply(args=(str(uuid4()),), routing_key="train").get()
    assert rung == ["train"]


def test_services_do_not_pay_for_celery_at_their_start() -> None:
    code = "import sys, shared.resources; print([name for name in ('celery', 'kombu') if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603
    assert found.stdout.strip() == "[]"
