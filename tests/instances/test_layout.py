"""The run directory: configuration files, modes and short paths for sockets."""

import os
from pathlib import Path

import pytest

import selection as selecting
from instance import Instance
from layout import prepare, socket_folder
from selection import Selection, select


@pytest.fixture
def prepared(instance: Instance, monkeypatch: pytest.MonkeyPatch) -> Selection:
    """Everything but the cluster, which takes a second."""
    monkeypatch.setattr(selecting, "_postgres", lambda *_: None)
    return prepare(instance, select(instance, "wheels"))


@pytest.mark.usefixtures("prepared")
class TestFiles:
    @pytest.mark.parametrize("name", ["redis.conf", "run-object-store.sh", "prometheus.yml"])
    def test_are_private(self, instance: Instance, name: str) -> None:
        assert (instance.run / name).stat().st_mode & 0o077 == 0

    def test_of_redis_keep_it_on_this_machine_with_a_password(self, instance: Instance) -> None:
        text = (instance.run / "redis.conf").read_text()
        assert "bind 127.0.0.1\nport 6458\n" in text
        assert f'requirepass "{instance.address("redis").password}"' in text
        assert "appendonly yes" in text
        assert "maxmemory-policy noeviction" in text

    def test_of_the_object_store_keep_its_keys_out_of_the_command(self, instance: Instance) -> None:
        export, command = (instance.run / "run-object-store.sh").read_text().splitlines()
        pair = f"{instance.values['S3_ACCESS_KEY']},{instance.values['S3_SECRET_KEY']}"
        assert export == f"export RCLONE_AUTH_KEY='\"{pair}\"'"
        assert instance.values["S3_SECRET_KEY"] not in command
        assert "--addr 127.0.0.1:9158" in command

    def test_of_prometheus_name_the_instance(self, instance: Instance) -> None:
        text = (instance.run / "prometheus.yml").read_text()
        assert "project: test" in text
        for port in (15900, 15901, 15902, 15943, 15944, 9169):
            assert f'"127.0.0.1:{port}"' in text


def test_a_second_preparation_changes_nothing(instance: Instance, prepared: Selection) -> None:
    before = {path: path.read_bytes() for path in instance.run.rglob("*") if path.is_file()}
    prepare(instance, prepared)
    assert {path: path.read_bytes() for path in instance.run.rglob("*") if path.is_file()} == before


def test_sockets_lie_in_the_run_directory_if_its_path_is_short(instance: Instance) -> None:
    short = Instance("pro1", 1, instance.code, Path("/srv/app/.run"))
    assert socket_folder(short) == short.run


def test_sockets_lie_in_a_short_folder_of_ours_otherwise(instance: Instance, prepared: Selection) -> None:
    deep = Instance("pro1", 1, instance.code, Path("/srv") / ("x" * 60))
    folder = socket_folder(deep)
    assert len(str(folder)) < 60
    assert folder != socket_folder(instance)
    made = socket_folder(instance)
    assert made.stat().st_uid == os.geteuid()
    assert made.stat().st_mode & 0o077 == 0
