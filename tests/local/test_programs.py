"""What is started, and what supervisord is told about it."""

import configparser
from pathlib import Path

import pytest

from instance import Instance
from programs import ALL, Program, outlived_by_none, programs
from selection import Selection
from servers import Server
from supervisor import render

from .conftest import change


@pytest.fixture
def selection(instance: Instance) -> Selection:
    return Selection(
        postgres=Server("postgresql", "15.1", Path("/usr/bin/postgres"), "system"),
        redis=Server("redis", "7.0", Path("/usr/bin/redis-server"), "system"),
        object_store=Server("rclone", "1.7", Path("/usr/bin/rclone"), "wheels"),
        prometheus=Server("prometheus", "2.4", Path("/usr/bin/prometheus"), "system"),
        account=None,
        postgres_home=instance.run,
    )


def by_name(instance: Instance, selection: Selection) -> dict[str, Program]:
    return {program.name: program for program in programs(instance, selection)}


def test_everything_runs_servers_first(instance: Instance, selection: Selection) -> None:
    changed = change(instance, "RAY_ENABLED", "true")
    assert tuple(program.name for program in programs(changed, selection)) == ALL


def test_ray_can_be_switched_off(instance: Instance, selection: Selection) -> None:
    assert "ray" not in by_name(change(instance, "RAY_ENABLED", "false"), selection)


def test_every_port_of_ray_is_inside_the_hundred_and_a_token_is_asked(instance: Instance, selection: Selection) -> None:
    ray = by_name(change(instance, "RAY_ENABLED", "true"), selection)["ray"]
    ports = [int(word.partition("=")[2]) for word in ray.command if "port=" in word]
    assert len(ports) == len(set(ports)) == 11
    assert all(15910 <= port < 16000 for port in ports)
    assert ray.environment["RAY_AUTH_MODE"] == "token"
    assert len(ray.environment["RAY_AUTH_TOKEN"]) >= 32
    assert not ray.stop_group


def test_services_run_in_the_project_folder_with_the_instances_env(instance: Instance, selection: Selection) -> None:
    for name in ("api-gateway", "data-service", "ai-service", "data-worker", "ai-worker", "beat"):
        program = by_name(instance, selection)[name]
        assert program.directory == instance.code
        assert program.environment["ENV_FILE"] == str(instance.env_file)
        assert f"{name}.app.main:app" in program.command or "celery" in program.command


def test_a_changed_env_is_a_changed_service_but_not_a_changed_server(instance: Instance, selection: Selection) -> None:
    before = by_name(instance, selection)
    after = by_name(change(instance, "LOG_LEVEL", "DEBUG"), selection)
    assert before["api-gateway"] != after["api-gateway"]
    assert before["postgres"] == after["postgres"]


def test_no_secret_is_in_a_command(instance: Instance, selection: Selection) -> None:
    secrets = [instance.values[name] for name in ("SECRET_KEY", "S3_SECRET_KEY", "RAY_AUTH_TOKEN")]
    secrets += [instance.address(name).password for name in ("postgres", "redis")]
    commands = " ".join(word for program in programs(instance, selection) for word in program.command)
    assert not any(secret in commands for secret in secrets)


class TestConfigurationOfSupervisord:
    def text(self, instance: Instance, program: Program) -> configparser.RawConfigParser:
        parser = configparser.RawConfigParser()
        parser.read_string(render(instance, instance.run / "s.sock", [program]))
        return parser

    def test_restarts_what_crashes_and_rotates_its_log(self, instance: Instance) -> None:
        section = self.text(instance, Program("web", ["serve"], Path("/srv")))["program:web"]
        assert section["autorestart"] == "true"
        assert section["autostart"] == "false"
        assert section["stdout_logfile"] == str(instance.logs / "web.log")
        assert section["stdout_logfile_maxbytes"] == "10MB"

    def test_quotes_words_and_percent_signs(self, instance: Instance) -> None:
        section = self.text(instance, Program("web", ["serve", "two words", "5%"], Path("/srv")))["program:web"]
        assert section["command"] == "serve 'two words' 5%%"

    def test_drops_to_the_account_where_one_is_named(self, instance: Instance) -> None:
        section = self.text(instance, Program("db", ["postgres"], Path("/"), user="nobody"))["program:db"]
        assert section["user"] == "nobody"


def test_children_end_with_their_supervisor_on_linux(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _: "/bin/setpriv")
    assert outlived_by_none(["run"], "INT")[-1] == "run"
