"""Rotation of secrets as the guide says, with people at work: who has to log in again, and what fails meanwhile."""

import secrets
import time
from collections.abc import Callable, Mapping
from functools import partial

from drill_database import ask, keyed, wait_until_rekeyed
from drill_load import Load, under_load
from drill_person import UNAUTHORIZED, Answer, Person
from drill_stage import Stage, staged, write_settings
from drill_transcript import Transcript
from drill_work import PREDICTED, Work, differences, table

# Webhooks move within ten minutes of a gateway's start, models within five.
MOVED_SECONDS = 700.0
QUIET_SECONDS = 2.0
WEBHOOK = {"url": "https://hooks.example.com/drill", "events": ["task.failed"]}


def drill(said: Transcript, number: int, *, small: bool) -> None:
    """Do it."""
    stage = Stage("drill-keys", number)
    with staged(stage):
        with said.step("Real work: people with sessions, API keys, models and webhooks"):
            work = Work.done(stage.url, 2 if small else 6, 1)
            for person in work.people:
                person.ok("POST", f"/projects/{person.project}/webhooks", WEBHOOK)
            before = work.predictions()
        _rotate_signing_key(said, stage, work, before)
        _drop_old_key(said, stage, work, before)
        for server, change in {} if small else _CHANGES.items():
            _rotate_password(said, stage, work, server, partial(change, stage))


def _acts(work: Work) -> list[Callable[[], Answer]]:
    """A session each, one who lists and one who predicts."""
    model, owner = next(iter(work.models.items()))
    sessions = [partial(person.send, "GET", "/auth/me") for person in work.people]
    listing = partial(work.people[0].send, "GET", f"/datasets?project_id={work.people[0].project}")
    return [*sessions, listing, partial(owner.send, "POST", f"/models/{model}/predict", json=PREDICTED)]


def _rotate_signing_key(said: Transcript, stage: Stage, work: Work, before: Mapping[str, object]) -> None:
    signed = keyed(stage.values["DATABASE_URL"])
    with said.step("SECRET_KEY: the old one into SECRET_KEYS_PREVIOUS, a new one, start again"):
        old = stage.values["SECRET_KEY"]
        load = _changed_under_load(stage, work, {"SECRET_KEY": secrets.token_hex(24), "SECRET_KEYS_PREVIOUS": old})
        _tell(said, "SECRET_KEY", load)
    said.promise("SECRET_KEY: no session is refused", {word: n for word, n in load.counts.items() if "401" in word})
    said.promise("SECRET_KEY: sessions go on by their refresh tokens", _ended(work.people[:-1]))
    said.promise("SECRET_KEY: API keys go on", work.refused_keys(stage.url))
    said.promise("SECRET_KEY: models go on", differences(before, work.predictions()))
    with said.step("Models and webhooks move to the new key"):
        seconds = wait_until_rekeyed(stage.values["DATABASE_URL"], signed, MOVED_SECONDS)
    said.figure("models and webhooks moved after", f"{seconds:.0f} s")


def _drop_old_key(said: Transcript, stage: Stage, work: Work, before: Mapping[str, object]) -> None:
    """The last person was away since before the rotation; everybody else has refreshed."""
    *others, away = work.people
    with said.step("The old key is dropped, start again"):
        write_settings(stage.env_file, {"SECRET_KEYS_PREVIOUS": ""})
        stage.up()
    refused = away.send("GET", "/auth/me").status == UNAUTHORIZED and not away.refresh()
    said.promise("old key gone: its tokens are refused", refused)
    said.promise("old key gone: whoever has refreshed since the rotation goes on", _ended(others))
    away.log_in()
    said.figure("have to log in again", f"1 of {len(work.people)}: who was away since before the rotation")
    said.promise("old key gone: API keys go on", work.refused_keys(stage.url))
    said.promise("old key gone: models go on", differences(before, work.predictions()))


def _rotate_password(said: Transcript, stage: Stage, work: Work, server: str, change: Callable[[], None]) -> None:
    with said.step(f"{server}: another password, start again"):
        with under_load(_acts(work)) as load:
            time.sleep(QUIET_SECONDS)
            change()
            stage.up()
            time.sleep(QUIET_SECONDS)
        _tell(said, server, load)
    said.promise(f"{server}: no session is refused", {word: n for word, n in load.counts.items() if "401" in word})
    said.promise(f"{server}: all works again", _not_working(stage, work))


def _not_working(stage: Stage, work: Work) -> list[str]:
    bad = [f"{part} is {state}" for part, state in stage.states().items() if state in {"failed", "unhealthy"}]
    answer = work.people[0].upload(table(time.monotonic_ns() % 10_000, 20))
    return bad + ([] if answer.ok and answer.json["status"] == "ready" else [f"an upload answered {answer}"])


def _change_postgres(stage: Stage) -> None:
    user, old = stage.login_of("DATABASE_URL")
    new = secrets.token_hex(24)
    ask(stage.values["DATABASE_URL"], f"ALTER ROLE \"{user}\" PASSWORD '{new}'")
    _write(stage, "DATABASE_URL", "POSTGRES_PASSWORD", old, new)


def _change_redis(stage: Stage) -> None:
    _write(stage, "REDIS_URL", "REDIS_PASSWORD", stage.login_of("REDIS_URL")[1], secrets.token_hex(24))


def _write(stage: Stage, address: str, password: str, old: str, new: str) -> None:
    write_settings(stage.env_file, {address: stage.values[address].replace(old, new), password: new})


def _change_store(stage: Stage) -> None:
    keys = {"S3_ACCESS_KEY": secrets.token_hex(8), "S3_SECRET_KEY": secrets.token_hex(24)}
    write_settings(stage.env_file, keys)


_CHANGES = {"PostgreSQL": _change_postgres, "Redis": _change_redis, "the object store": _change_store}


def _changed_under_load(stage: Stage, work: Work, settings: Mapping[str, str]) -> Load:
    with under_load(_acts(work)) as load:
        time.sleep(QUIET_SECONDS)
        write_settings(stage.env_file, settings)
        stage.up()
        time.sleep(QUIET_SECONDS)
    return load


def _ended(people: list[Person]) -> list[str]:
    """Sessions that do not go on."""
    return [person.email for person in people if not person.refresh() or not person.send("GET", "/auth/me").ok]


def _tell(said: Transcript, what: str, load: Load) -> None:
    said.figure(f"{what}: requests", str(load))
    said.figure(f"{what}: longest time without an answer", f"{load.longest_gap():.1f} s")
    said.promise(f"{what}: what fails says so with a code, or finds no listener", load.unexplained)
    said.promise(f"{what}: everybody went on to ask", load.errors)
