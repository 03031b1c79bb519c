"""What a removal asks, refuses, stops and deletes, in that order; nothing here runs."""

from pathlib import Path

import pytest

import project_remove
from console import Refusal
from instance import Instance
from modes import DOCKER, remember_mode
from project_remove import Wish, remove_project

SURE = Wish(yes=True, keep_data=False)
ASKING = Wish(yes=False, keep_data=False)


class World:
    """What the machine answers, and all that was done to it."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.running: list[str] = []
        self.volumes: list[str] = []
        self.images: list[str] = []
        self.answers: dict[str, bool] = {}
        self.failing = ""

    def call(self, command: str, instance: Instance, *options: str) -> int:
        self.done.append(" ".join((command, *options)))
        if command == "down":
            self.running.remove(options[0].removeprefix("--"))
        return int(command == self.failing)

    def agrees(self, question: str, *, otherwise: bool) -> bool:
        self.done.append(question)
        return next((said for words, said in self.answers.items() if words in question), otherwise)


@pytest.fixture
def world(instance: Instance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    made = World()
    (tmp_path / "run").mkdir()
    replaced = {
        "RUN": tmp_path / "run",
        "UNDER_WAY": tmp_path / "run" / "new-project.json",
        "all_instances": lambda: [instance],
        "overlay_of": lambda name: tmp_path / "overlays" / name,
        "show_ports": lambda: True,
        "under_way": lambda: None,
        "asks": lambda yes: not yes and bool(made.answers),
        "agrees": made.agrees,
        "volumes_of": lambda project: made.volumes,
        "images_of": lambda project: made.images,
        "remove_images": lambda images: made.done.extend(f"image {image}" for image in images),
        "_modes_that_run": lambda one: list(made.running),
        "_call": made.call,
    }
    for name, value in replaced.items():
        monkeypatch.setattr(project_remove, name, value)
    return made


def test_one_that_runs_is_refused_with_the_command_that_stops_it(world: World, instance: Instance) -> None:
    world.running = ["docker"]
    with pytest.raises(Refusal, match=r"stop-dev\.sh --project test --docker"):
        remove_project("test", SURE)
    assert world.done == []
    assert instance.env_file.exists()


def test_at_a_terminal_it_is_backed_up_stopped_and_removed(
    world: World, instance: Instance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backup = tmp_path / "backup.sh"
    backup.write_text('#!/bin/sh\necho "$@" > ' + str(tmp_path / "backed-up") + "\n")
    backup.chmod(0o755)
    monkeypatch.setattr(project_remove, "BACKUP", backup)
    world.running = ["local", "docker"]
    world.answers = {"backup": True, "for ever": True}
    instance.run.mkdir(parents=True)
    remove_project("test", ASKING)
    assert (tmp_path / "backed-up").read_text() == "--project test\n"
    asked = ["Make a backup of its data first?", "It runs, and is stopped first. Remove all of this for ever?"]
    assert world.done == ["purge --local --list", *asked, "down --local", "down --docker", "purge --local"]
    assert not instance.code.exists()


def test_without_the_backup_that_was_wanted_nothing_goes(
    world: World, instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(project_remove, "BACKUP", "/bin/false")
    world.running = ["local"]
    world.answers = {"backup": True, "for ever": True}
    with pytest.raises(Refusal, match="no backup"):
        remove_project("test", ASKING)
    assert world.running == ["local"]
    assert instance.env_file.exists()


def test_volumes_and_images_of_containers_go_too(world: World, instance: Instance) -> None:
    world.volumes, world.images = ["ai-platform-test_postgres"], ["ai-platform-test-backend:dev"]
    remember_mode(instance, DOCKER)
    remove_project("test", SURE)
    deleted = ["purge --docker", "purge --local", "image ai-platform-test-backend:dev"]
    assert world.done == ["purge --docker --list", "purge --local --list", *deleted]


def test_what_another_checkout_has_under_the_same_name_stays(world: World, instance: Instance) -> None:
    world.volumes, world.images = ["ai-platform-test_postgres"], ["ai-platform-test-backend:dev"]
    instance.run.mkdir(parents=True)
    remove_project("test", SURE)
    assert world.done == ["purge --local --list", "purge --local"]


def test_what_is_listed_is_all_that_goes(
    world: World, instance: Instance, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    world.images = ["ai-platform-test-backend:dev"]
    remember_mode(instance, DOCKER)
    with pytest.raises(Refusal, match="--yes"):
        remove_project("test", ASKING)
    shown = capsys.readouterr().err
    for words in ("backend-test/ with all", ".env with its secrets", "image ai-platform-test-backend:dev", "README"):
        assert words in shown
    assert instance.env_file.exists()


@pytest.mark.parametrize("failing", ["down", "purge"])
def test_a_step_that_fails_keeps_the_folder(world: World, instance: Instance, failing: str) -> None:
    world.running = ["local"]
    world.answers = {"backup": False, "for ever": True}
    world.failing = failing
    instance.run.mkdir(parents=True)
    with pytest.raises(Refusal):
        remove_project("test", ASKING)
    assert instance.env_file.exists()
