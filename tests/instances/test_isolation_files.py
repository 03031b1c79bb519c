"""Secrets, names and ports that two instances have, and files that others can read."""

from pathlib import Path

import pytest

from environment import ensure_env
from instance import Instance
from isolation import Side
from isolation_files import crossings, secrets_of
from isolation_guests import Guest
from modes import DOCKER, LOCAL

from .conftest import change


@pytest.fixture
def other(tmp_path: Path, instance: Instance) -> Instance:
    made = Instance("other", 81, instance.code, home=tmp_path / "run")
    ensure_env(made)
    instance.run.mkdir()
    for one in (instance, made):
        one.run.chmod(0o711)
    return made


def tried(who: Instance, at: Instance, mode: str = LOCAL) -> dict[str, str]:
    """What opened, by the crossing; nothing for those that are refused."""
    sides = [Side(one, mode, Guest("x@example.org", "secret")) for one in (who, at)]
    found = {crossing.name: crossing.knock(*sides) for crossing in crossings()}
    return {name: note for name, note in found.items() if note}


SECRET = "a secret of one's own that is the other's, too"
NAME = "a name that is the other's, too"
PORT = "a port that is the other's, too"
ENV_FILE = "read the other's .env"
FOLDER = "read the other's data and logs"


def test_two_fresh_instances_have_nothing_in_common(instance: Instance, other: Instance) -> None:
    assert tried(instance, other) == {}


def test_every_secret_of_the_template_is_compared(instance: Instance) -> None:
    assert set(secrets_of(instance).values()) == {
        *("SECRET_KEY", "POSTGRES_PASSWORD", "REDIS_PASSWORD", "S3_ACCESS_KEY", "S3_SECRET_KEY"),
        *("RAY_AUTH_TOKEN", "FLOWER_PASSWORD", "GRAFANA_PASSWORD"),
    }


@pytest.mark.parametrize("name", ["SECRET_KEY", "S3_ACCESS_KEY", "S3_SECRET_KEY", "RAY_AUTH_TOKEN", "FLOWER_PASSWORD"])
def test_an_equal_secret_is_named_and_not_shown(instance: Instance, other: Instance, name: str) -> None:
    secret = instance.values[name]
    found = tried(instance, change(other, name, secret))
    assert found == {SECRET: name}
    assert secret not in str(found)


def test_a_secret_that_is_another_one_there_is_found(instance: Instance, other: Instance) -> None:
    changed = change(other, "GRAFANA_PASSWORD", instance.values["FLOWER_PASSWORD"])
    assert tried(instance, changed) == {SECRET: "FLOWER_PASSWORD is the other's GRAFANA_PASSWORD"}


def test_a_key_that_was_rotated_away_is_still_one(instance: Instance, other: Instance) -> None:
    changed = change(other, "SECRET_KEYS_PREVIOUS", f"an older one, {instance.values['SECRET_KEY']}")
    assert tried(instance, changed) == {SECRET: "SECRET_KEY is the other's SECRET_KEYS_PREVIOUS"}


def test_the_passwords_in_the_addresses_count(instance: Instance, other: Instance) -> None:
    password = instance.address("redis").password
    changed = change(other, "REDIS_URL", f"redis://:{password}@127.0.0.1:1/0")
    assert tried(instance, changed) == {SECRET: "REDIS_PASSWORD is the other's REDIS_URL"}


def test_equal_names_are_found(instance: Instance, other: Instance) -> None:
    changed = change(change(other, "PROJECT_ID", "test"), "S3_BUCKET", instance.values["S3_BUCKET"])
    changed = change(changed, "DATABASE_URL", instance.values["DATABASE_URL"].replace("postgres:", "postgres:x"))
    found = tried(instance, changed)
    assert found[NAME] == "PROJECT_ID, S3_BUCKET, the database's name"


def test_equal_ports_are_found_unless_the_server_is_somebody_elses(instance: Instance, other: Instance) -> None:
    port = instance.address("redis").port
    changed = change(other, "REDIS_URL", f"redis://:something-else@127.0.0.1:{port}/0")
    assert tried(instance, changed) == {PORT: f"redis has the port of redis, {port}"}
    assert tried(change(instance, "EXTERNAL_SERVERS", "redis"), change(changed, "EXTERNAL_SERVERS", "redis")) == {}


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o602])
def test_an_env_file_that_others_can_use_is_found(instance: Instance, other: Instance, mode: int) -> None:
    other.env_file.chmod(mode)
    assert tried(instance, other) == {ENV_FILE: f".env has mode {mode:o}"}
    assert tried(other, instance) == {}


class TestTheRunFolder:
    @pytest.fixture
    def folder(self, other: Instance) -> Path:
        (other.run / "logs").mkdir(mode=0o700)
        return other.run

    def test_that_others_pass_through_is_fine(self, instance: Instance, other: Instance, folder: Path) -> None:
        (folder / "state.json").write_text("{}")
        assert tried(instance, other) == {}

    def test_that_others_list_is_found(self, instance: Instance, other: Instance, folder: Path) -> None:
        folder.chmod(0o755)
        assert tried(instance, other) == {FOLDER: "other has mode 755"}
        assert tried(instance, other, DOCKER) == {}

    def test_a_folder_in_it_is_found(self, instance: Instance, other: Instance, folder: Path) -> None:
        (folder / "logs").chmod(0o750)
        assert tried(instance, other) == {FOLDER: "logs has mode 750"}

    def test_a_file_with_a_secret_is_found(self, instance: Instance, other: Instance, folder: Path) -> None:
        file = folder / "redis.conf"
        file.write_text(f"requirepass {other.address('redis').password}\n")
        file.chmod(0o644)
        assert tried(instance, other) == {FOLDER: "redis.conf has mode 644"}
        file.chmod(0o600)
        assert tried(instance, other) == {}

    def test_the_chart_of_the_demo_may_be_seen(self, instance: Instance, other: Instance, folder: Path) -> None:
        (folder / "demo").mkdir(mode=0o755)
        assert tried(instance, other) == {}
