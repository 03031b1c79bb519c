"""Addresses as the .env names them, and finding instances."""

from pathlib import Path

import pytest

from console import Refusal
from instance import ROOT, Instance, all_instances, find, read_facts, write_facts

from .conftest import change


class TestAddresses:
    def test_come_from_the_env_with_credentials(self, instance: Instance) -> None:
        address = instance.address("postgres")
        assert (address.host, address.port, address.user, address.name) == (
            "127.0.0.1",
            5511,
            "postgres",
            "ai_platform_test",
        )
        assert address.password
        assert instance.address("redis").port == 6458
        assert instance.address("ray").port == 15910

    def test_decode_percent_signs(self, instance: Instance) -> None:
        changed = change(instance, "REDIS_URL", "redis://:p%40ss@127.0.0.1:6458/0")
        assert changed.address("redis").password == "p@ss"

    def test_are_shown_without_credentials(self, instance: Instance) -> None:
        assert instance.url("postgres") == "postgresql://127.0.0.1:5511/ai_platform_test"
        assert instance.url("api-gateway") == "http://127.0.0.1:15900"

    @pytest.mark.parametrize(
        ("variable", "value", "service"),
        [
            ("API_GATEWAY_PORT", "80x", "api-gateway"),
            ("API_GATEWAY_PORT", "70000", "api-gateway"),
            ("DATABASE_URL", "postgresql://127.0.0.1/x", "postgres"),
            ("REDIS_URL", "redis://127.0.0.1:x/0", "redis"),
            ("RAY_ADDRESS", "auto", "ray"),
        ],
    )
    def test_that_are_unusable_name_their_variable(
        self, instance: Instance, variable: str, value: str, service: str
    ) -> None:
        with pytest.raises(Refusal, match=variable):
            change(instance, variable, value).address(service)


class TestExternalServers:
    def test_are_none_at_first(self, instance: Instance) -> None:
        assert not any(instance.is_external(name) for name in ("postgres", "redis", "object-store", "ray"))

    def test_are_those_on_another_host(self, instance: Instance) -> None:
        changed = change(instance, "REDIS_URL", "redis://:secret@cache.example.org:6379/0")
        assert changed.is_external("redis")

    def test_are_those_that_the_env_names(self, instance: Instance) -> None:
        assert change(instance, "EXTERNAL_SERVERS", "postgres, redis").is_external("redis")


class TestFinding:
    def test_all_means_those_of_the_checkout_by_number(self) -> None:
        names = [found.name for found in find(["all"])]
        assert names[0] == "pro1"
        assert names == [found.name for found in all_instances()]

    def test_an_unknown_one_is_refused_with_the_known(self) -> None:
        with pytest.raises(Refusal, match="pro1"):
            find(["nobody"])

    def test_the_env_of_the_checkout_is_in_the_project_folder(self) -> None:
        assert find(["pro1"])[0].env_file == ROOT / "backend-pro1" / ".env"


class TestDamagedFiles:
    def test_an_env_that_is_not_utf_8_is_refused_by_name(self, instance: Instance) -> None:
        instance.env_file.write_bytes(b"# caf\xe9\n")
        with pytest.raises(Refusal, match=r"\.env is not text in UTF-8 \(byte 5\)"):
            Instance(instance.name, instance.number, instance.code, instance.home).url("redis")

    def test_facts_survive_a_write_and_a_read(self, tmp_path: Path) -> None:
        write_facts(tmp_path / "state.json", {"a": "1"})
        assert read_facts(tmp_path / "state.json") == {"a": "1"}
        assert [path.name for path in tmp_path.iterdir()] == ["state.json"]

    def test_cut_off_facts_are_refused_by_name(self, tmp_path: Path) -> None:
        (tmp_path / "state.json").write_text('{"a')
        with pytest.raises(Refusal, match=r"state\.json is damaged"):
            read_facts(tmp_path / "state.json")
