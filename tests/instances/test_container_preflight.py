"""What is found out before any container is started."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

import container_preflight
from console import Refusal
from container_preflight import PORTS, examine_containers
from instance import ROOT, Instance
from supervisor import Supervisor

from .conftest import change
from .fake_engine import CONFIG, FakeEngine, container


@pytest.fixture
def inside(instance: Instance, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch) -> Instance:
    """An instance of a checkout: one whose .env is in its project folder, where Compose reads it."""
    made = Instance("test", 80, instance.code, instance.home)
    folder = instance.code.rename(instance.code.with_name("backend-test"))
    made = Instance("test", 80, folder, instance.home)
    made.env_file.parent.mkdir(exist_ok=True)
    monkeypatch.setattr(container_preflight, "settings_faults", lambda *_: [])
    return change(change(made, "COMPOSE_PROJECT_NAME", "h9"), "RAY_ENABLED", "false")


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody (we) listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield int(server.getsockname()[1])


def complaint(instance: Instance) -> str:
    with pytest.raises(Refusal) as caught:
        examine_containers([instance])
    text = str(caught.value)
    assert text.startswith("nothing was started:\n  test: ")
    return text


def test_of_a_good_instance_says_what_will_run(inside: Instance) -> None:
    assert set(examine_containers([inside])["test"].services) == {"postgres", "migrate", "api-gateway", "beat"}


def test_a_private_instance_is_refused(inside: Instance) -> None:
    with pytest.raises(Refusal, match="--local"):
        examine_containers([Instance("other", 81, inside.code, inside.home)])


def test_one_that_runs_as_processes_is_refused_with_what_stops_it(
    inside: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Supervisor, "is_running", property(lambda _: True))
    assert "./scripts/stop-dev.sh --project test --local" in complaint(inside)


class TestWhatIsSaidTwice:
    @pytest.mark.parametrize(
        ("variable", "value", "address"),
        [
            ("POSTGRES_PASSWORD", "another-secret", "DATABASE_URL"),
            ("REDIS_PASSWORD", "another-secret", "REDIS_URL"),
            ("POSTGRES_PORT", "1", "DATABASE_URL"),
            ("REDIS_PORT", "1", "REDIS_URL"),
            ("S3_PORT", "1", "S3_ENDPOINT_URL"),
        ],
    )
    def test_must_agree(self, inside: Instance, variable: str, value: str, address: str) -> None:
        text = complaint(change(inside, variable, value))
        assert variable in text
        assert address in text
        assert "another-secret" not in text
        assert inside.address("postgres").password not in text

    def test_must_name_the_database_of_the_containers(self, inside: Instance) -> None:
        url = inside.values["DATABASE_URL"].replace("ai_platform_test", "mine")
        assert "that of containers is ai_platform_test" in complaint(change(inside, "DATABASE_URL", url))

    def test_must_not_be_somebody_elses_server(self, inside: Instance) -> None:
        assert "containers bring their own" in complaint(change(inside, "EXTERNAL_SERVERS", "redis"))

    def test_must_be_a_password_that_an_address_takes_as_it_is(self, inside: Instance) -> None:
        port = inside.address("redis").port
        changed = change(change(inside, "REDIS_PASSWORD", "p@ss"), "REDIS_URL", f"redis://:p%40ss@127.0.0.1:{port}/0")
        assert "REDIS_PASSWORD" in complaint(changed)


class TestTheName:
    def test_must_be_one_that_both_composes_take(self, inside: Instance) -> None:
        assert "COMPOSE_PROJECT_NAME" in complaint(change(inside, "COMPOSE_PROJECT_NAME", "My Project"))

    def test_must_not_be_another_instances(self, inside: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(container_preflight, "all_instances", lambda: [Instance("pro7", 7, ROOT / "backend-pro7")])
        monkeypatch.setattr(container_preflight, "project_name", lambda _: "h9")
        assert "is that of pro7 too" in complaint(inside)

    def test_must_not_be_that_of_another_checkouts_containers(
        self, inside: Instance, engine: FakeEngine, tmp_path: Path
    ) -> None:
        engine.holds(container("redis", folder=str(tmp_path)))
        assert f"belong to {tmp_path}: stop them there" in complaint(inside)

    def test_may_be_that_of_containers_of_this_one_by_another_path_or_before_it_was_moved(
        self, inside: Instance, engine: FakeEngine, tmp_path: Path
    ) -> None:
        (tmp_path / "link").symlink_to(inside.code)
        engine.holds(container("redis", folder=str(tmp_path / "link")), container("beat", folder="/gone/backend-pro1"))
        assert examine_containers([inside])


class TestPorts:
    def test_that_are_taken_are_named_with_holder_and_variable(
        self, inside: Instance, engine: FakeEngine, taken: int
    ) -> None:
        engine.answer("docker-compose config", CONFIG.replace("15900", str(taken)))
        text = complaint(inside)
        assert f"port {taken} of api-gateway is taken by" in text
        assert "API_GATEWAY_PORT" in text

    def test_name_the_container_that_holds_them(self, inside: Instance, engine: FakeEngine, taken: int) -> None:
        engine.answer("docker-compose config", CONFIG.replace("15900", str(taken)))
        engine.answer("docker ps --format", "other_web_1\n")
        assert "taken by the container other_web_1" in complaint(inside)

    def test_of_what_runs_already_are_its_own(self, inside: Instance, engine: FakeEngine, taken: int) -> None:
        engine.answer("docker-compose config", CONFIG.replace("15900", str(taken)))
        engine.holds(container("api-gateway"))
        assert examine_containers([inside])

    def test_pass_from_the_proxy_of_production_to_the_gateway(
        self, inside: Instance, engine: FakeEngine, taken: int
    ) -> None:
        engine.answer("docker-compose config", CONFIG.replace("15900", str(taken)))
        engine.holds(container("edge"))
        engine.answer("docker ps --quiet", "id-edge\n")
        assert examine_containers([inside])

    def test_that_two_parts_want_are_refused(self, inside: Instance, engine: FakeEngine) -> None:
        engine.answer("docker-compose config", CONFIG.replace("15900", "5511"))
        assert "port 5511 of api-gateway is also wanted by test postgres" in complaint(inside)

    def test_of_every_part_have_a_variable(self) -> None:
        text = "".join(path.read_text() for path in (ROOT / "backend-pro1").glob("docker-compose*.yml"))
        for variable in set(PORTS.values()):
            assert f"${{{variable}:-" in text


def test_everything_that_is_wrong_is_said_at_once(
    inside: Instance, engine: FakeEngine, taken: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(container_preflight, "settings_faults", lambda *_: ["S3_BUCKET is bad"])
    engine.answer("docker-compose config", CONFIG.replace("15900", str(taken)))
    text = complaint(change(inside, "POSTGRES_PASSWORD", "other"))
    assert [word in text for word in ("POSTGRES_PASSWORD", "S3_BUCKET is bad", "API_GATEWAY_PORT")] == [True] * 3


def test_files_that_compose_refuses_end_the_start(inside: Instance, engine: FakeEngine) -> None:
    engine.fail("docker-compose config", "yaml: line 3")
    assert "yaml: line 3" in complaint(inside)


def test_settings_are_read_as_the_containers_get_them(inside: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(container_preflight, "settings_faults", lambda _, over: [f"a fault under {over}"])
    assert "a fault under {'ENVIRONMENT': 'test'}" in complaint(inside)


def test_source_that_the_containers_user_may_not_read_is_refused(inside: Instance) -> None:
    (inside.code / "shared" / "config.py").chmod(0o600)
    assert "chmod -R go+rX" in complaint(inside)
