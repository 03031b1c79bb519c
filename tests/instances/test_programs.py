"""What is started, and what supervisord is told about it."""

import configparser
import re
from pathlib import Path

import pytest

from console import Refusal
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


def programs_of(instance: Instance, selection: Selection) -> list[Program]:
    return list(programs(instance, selection))


def by_name(instance: Instance, selection: Selection) -> dict[str, Program]:
    return {program.name: program for program in programs(instance, selection)}


def test_everything_runs_servers_first(instance: Instance, selection: Selection) -> None:
    changed = change(change(instance, "RAY_ENABLED", "true"), "FLOWER_ENABLED", "true")
    assert tuple(program.name for program in programs(changed, selection)) == ALL


def test_ray_can_be_switched_off(instance: Instance, selection: Selection) -> None:
    assert "ray" not in by_name(change(instance, "RAY_ENABLED", "false"), selection)


def test_the_dashboard_of_ray_is_shown_on_loopback_when_asked_for(instance: Instance, selection: Selection) -> None:
    enabled = change(instance, "RAY_ENABLED", "true")
    assert "--include-dashboard=false" in by_name(enabled, selection)["ray"].command
    shown = by_name(change(enabled, "RAY_DASHBOARD", "true"), selection)["ray"]
    assert {"--include-dashboard=true", "--dashboard-host=127.0.0.1", "--dashboard-port=15911"} <= set(shown.command)
    assert shown.environment["RAY_AUTH_MODE"] == "token"


def test_flower_runs_only_when_asked_for(instance: Instance, selection: Selection) -> None:
    assert "flower" not in by_name(instance, selection)


def test_flower_listens_on_loopback_inside_the_hundred_and_asks_for_a_password(
    instance: Instance, selection: Selection
) -> None:
    flower = by_name(change(instance, "FLOWER_ENABLED", "true"), selection)["flower"]
    assert {"--address=127.0.0.1", "--port=15940", "--read_only=True"} <= set(flower.command)
    user, _, password = flower.environment["FLOWER_BASIC_AUTH"].partition(":")
    assert user == "admin"
    assert len(password) >= 32


@pytest.mark.parametrize("password", ["", "short", "with,comma-and-more-letters"])
def test_flower_is_refused_without_a_good_password(instance: Instance, selection: Selection, password: str) -> None:
    changed = change(change(instance, "FLOWER_ENABLED", "true"), "FLOWER_PASSWORD", password)
    with pytest.raises(Refusal, match="FLOWER_PASSWORD"):
        programs_of(changed, selection)


def test_workers_are_given_the_time_to_drain(instance: Instance, selection: Selection) -> None:
    assert by_name(instance, selection)["ai-worker"].stop_seconds == 35
    assert by_name(change(instance, "WORKER_DRAIN_SECONDS", "99.5"), selection)["data-worker"].stop_seconds == 120
    with pytest.raises(Refusal, match="WORKER_DRAIN_SECONDS"):
        programs_of(change(instance, "WORKER_DRAIN_SECONDS", "soon"), selection)


def test_every_port_of_ray_is_inside_the_hundred_and_a_token_is_asked(instance: Instance, selection: Selection) -> None:
    ray = by_name(change(instance, "RAY_ENABLED", "true"), selection)["ray"]
    chosen = [word.partition("=")[2].split(",") for word in ray.command if re.search("port(-list)?=", word)]
    ports = [int(port) for some in chosen for port in some]
    assert len(ports) == len(set(ports)) == 9 + 68
    assert not {15900 + offset for offset in range(40, 50)} & set(ports), "these are of Flower and of the workers"
    assert all(15910 <= port < 16000 for port in ports)
    assert (ray.environment["RAY_AUTH_MODE"], ray.environment["GRPC_ENABLE_FORK_SUPPORT"]) == ("token", "0")
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
    instance = change(instance, "FLOWER_ENABLED", "true")
    secrets = [instance.values[name] for name in ("SECRET_KEY", "S3_SECRET_KEY", "RAY_AUTH_TOKEN", "FLOWER_PASSWORD")]
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
