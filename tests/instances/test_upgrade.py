"""The upgrade of an instance in containers: the order of its steps, and the way back from each failure."""

import json
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from console import Refusal
from instance import Instance
from upgrade_containers import Failed, Wish, go_back, upgrade
from upgrade_steps import Stand, require_space, wanted_revision
from upgrade_world import Containers, set_variable

BACKUP = "/backups/one"
ALL = ["check", "back_up", "use new", "get_images", "migrate", "roll new", "verify"]


class World:
    """An instance on paper; `fails` names the actions that go wrong, each once."""

    name = "test"

    def __init__(self, *fails: str, needs: str = "0005", error: Callable[[], BaseException] | None = None) -> None:
        self.done: list[str] = []
        self.fails = list(fails)
        self.error = error or (lambda: Refusal("broken"))
        self.current, self.schema, self.needs = "old", "0004", needs

    def _do(self, action: str) -> None:
        self.done.append(action)
        if action in self.fails:
            self.fails.remove(action)
            raise self.error()

    def check(self, _: Wish) -> None:
        self._do("check")

    def tag(self) -> str:
        return self.current

    def next_tag(self, _: Wish) -> str:
        return "new"

    def use_tag(self, tag: str) -> None:
        self.current = tag
        self._do(f"use {tag}")

    def revision(self) -> str:
        return self.schema

    def wanted_revision(self) -> str:
        return self.needs

    def back_up(self) -> str:
        self._do("back_up")
        return BACKUP

    def get_images(self) -> None:
        self._do("get_images")

    def migrate(self) -> None:
        self._do("migrate")
        self.schema = self.needs

    def roll(self) -> None:
        self._do(f"roll {self.current}")

    def verify(self) -> None:
        self._do("verify")

    def restore(self, place: str) -> None:
        self._do(f"restore {place}")
        self.schema = "0004"


def never(_: str) -> bool:
    raise AssertionError("nobody is to be asked")


@pytest.fixture
def stand(tmp_path: Path) -> Stand:
    return Stand(tmp_path / "run" / "upgrade.json")


def again(stand: Stand) -> Stand:
    """As the next process finds it."""
    return Stand(stand.file, json.loads(stand.file.read_text()))


class TestSteps:
    def test_in_order(self, stand: Stand, capsys: pytest.CaptureFixture[str]) -> None:
        world = World()
        upgrade(world, stand, Wish(), never)
        assert world.done == ALL
        assert again(stand).facts == {
            "state": "done",
            "from_tag": "old",
            "from_revision": "0004",
            "to_tag": "new",
            "to_revision": "0005",
            "backup": BACKUP,
        }
        said = capsys.readouterr().err
        assert [f"[{number}/6]" in said for number in range(1, 8)] == [True] * 6 + [False]
        assert "images old -> new; the database goes from 0004 to 0005" in said

    def test_without_a_backup(self, stand: Stand) -> None:
        world = World()
        upgrade(world, stand, Wish(backup=False), never)
        assert world.done == [action for action in ALL if action != "back_up"]

    def test_a_check_changes_nothing(self, stand: Stand) -> None:
        world = World()
        upgrade(world, stand, Wish(only_check=True), never)
        assert (world.done, world.current, stand.file.exists()) == (["check"], "old", False)


class TestWayBack:
    @pytest.mark.parametrize("action", ["check", "back_up"])
    def test_before_anything_is_changed(self, stand: Stand, action: str) -> None:
        world = World(action)
        with pytest.raises(Refusal, match="broken"):
            upgrade(world, stand, Wish(), never)
        assert (world.current, world.done[-1], stand.is_open) == ("old", action, False)

    @pytest.mark.parametrize("action", ["get_images", "migrate"])
    def test_images_and_migration_leave_the_containers_alone(self, stand: Stand, action: str) -> None:
        world = World(action)
        with pytest.raises(Refusal, match="containers of before still serve; the database is as before, at 0004"):
            upgrade(world, stand, Wish(), never)
        assert (world.current, stand.is_open) == ("old", False)
        assert not [done for done in world.done if done.startswith("roll")]

    @pytest.mark.parametrize("action", ["roll new", "verify"])
    def test_former_images_and_the_database_as_it_is(self, stand: Stand, action: str) -> None:
        world = World(action)
        with pytest.raises(Failed, match=r"taken back.*images old.*at 0005.*Migrations only add"):
            upgrade(world, stand, Wish(restore_database=False), never)
        assert world.done[-3:] == ["use old", "roll old", "verify"]
        assert world.schema == "0005"

    def test_the_database_too_where_that_was_asked_for(self, stand: Stand) -> None:
        world = World("verify")
        with pytest.raises(Failed, match="taken back"):
            upgrade(world, stand, Wish(restore_database=True), never)
        assert world.done[-4:] == ["use old", "roll old", f"restore {BACKUP}", "verify"]
        assert world.schema == "0004"

    @pytest.mark.parametrize("said", [True, False])
    def test_or_where_a_person_says_so(self, stand: Stand, said: bool) -> None:
        world, asked = World("verify"), list[str]()

        def confirm(question: str) -> bool:
            asked.append(question)
            return said

        with pytest.raises(Failed):
            upgrade(world, stand, Wish(), confirm)
        assert (f"restore {BACKUP}" in world.done) == said
        assert "LOST" in asked[0]

    def test_never_a_database_that_was_not_migrated(self, stand: Stand) -> None:
        world = World("verify", needs="0004")
        with pytest.raises(Failed, match="taken back"):
            upgrade(world, stand, Wish(restore_database=True), never)
        assert not [done for done in world.done if done.startswith("restore")]

    def test_a_way_back_that_fails_says_what_to_do_by_hand(self, stand: Stand) -> None:
        world = World("roll new", "roll old")
        with pytest.raises(Failed, match=rf"way back failed too.*\n.*IMAGE_TAG=old.*\n.*--from {BACKUP}"):
            upgrade(world, stand, Wish(restore_database=False), never)

    def test_by_command_after_a_success(self, stand: Stand) -> None:
        world = World()
        upgrade(world, stand, Wish(), never)
        go_back(world, again(stand), Wish(restore_database=False), never, None)
        assert world.done[-3:] == ["use old", "roll old", "verify"]
        with pytest.raises(Refusal, match="no upgrade to take back"):
            go_back(world, again(stand), Wish(), never, None)


class TestInterruption:
    @pytest.mark.parametrize("action", ["get_images", "migrate", "roll new", "verify"])
    def test_says_where_it_stands_and_goes_on_from_there(
        self, stand: Stand, action: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        world = World(action, error=KeyboardInterrupt)
        with pytest.raises(KeyboardInterrupt):
            upgrade(world, stand, Wish(), never)
        said = capsys.readouterr().err
        assert "interrupted in step" in said
        assert "upgrade.sh --project test --back" in said
        world.done.clear()
        upgrade(world, again(stand), Wish(), never)
        # The backup of before the first attempt is the one to keep, and so are the images of before.
        assert world.done == [done for done in ALL if done != "back_up"]
        assert again(stand).facts["from_tag"] == "old"
        assert again(stand).facts["from_revision"] == "0004"

    def test_before_the_backup_nothing_is_to_be_taken_back(
        self, stand: Stand, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with pytest.raises(KeyboardInterrupt):
            upgrade(World("back_up", error=KeyboardInterrupt), stand, Wish(), never)
        assert "nothing was changed" in capsys.readouterr().err


class TestSettings:
    def test_a_tag_is_written_and_the_file_stays_private(self, instance: Instance) -> None:
        world = Containers(instance)
        assert world.tag() == "dev"
        before = len(instance.env_file.read_text().splitlines())
        for tag in ("one", r"two\1"):
            world.use_tag(tag)
            assert world.tag() == tag
        assert stat.S_IMODE(instance.env_file.stat().st_mode) == 0o600
        assert len(instance.env_file.read_text().splitlines()) == before

    def test_a_variable_that_was_not_there(self, tmp_path: Path) -> None:
        file = tmp_path / ".env"
        file.write_text("A=1\nIMAGE_TAGS=x")
        set_variable(file, "IMAGE_TAG", "new")
        assert file.read_text() == "A=1\nIMAGE_TAGS=x\nIMAGE_TAG=new\n"

    def test_the_revision_is_read_from_the_code(self, instance: Instance) -> None:
        file = instance.code / "shared" / "schema_revision.py"
        file.write_text('X = 1\nSCHEMA_REVISION = "0042"\n')
        assert wanted_revision(instance) == "0042"
        file.write_text("")
        with pytest.raises(Refusal, match="SCHEMA_REVISION"):
            wanted_revision(instance)

    def test_a_full_disk_is_refused_before(self, tmp_path: Path) -> None:
        require_space(tmp_path / "not" / "yet", "the backup", 1)
        with pytest.raises(Refusal, match="the backup may take"):
            require_space(tmp_path, "the backup", 10**18)
