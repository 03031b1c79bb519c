"""The .env of an instance: secrets, mode, growth."""

import pytest

import environment
from environment import SECRET, ensure_env, inherited
from instance import Instance

from .conftest import change


class TestANewFile:
    def test_is_private(self, instance: Instance) -> None:
        assert instance.env_file.stat().st_mode & 0o777 == 0o600

    def test_holds_no_placeholder(self, instance: Instance) -> None:
        assert not SECRET.search(instance.env_file.read_text())

    def test_has_a_secret_of_its_own_for_each_purpose(self, instance: Instance) -> None:
        values = instance.values
        found = [values[name] for name in ("SECRET_KEY", "S3_ACCESS_KEY", "S3_SECRET_KEY", "RAY_AUTH_TOKEN")]
        found += [instance.address("postgres").password, instance.address("redis").password]
        assert len(set(found)) == len(found)
        assert all(len(secret) >= 16 for secret in found)
        assert len(values["SECRET_KEY"]) >= 32

    def test_differs_from_one_instance_to_the_next(self, instance: Instance) -> None:
        first = instance.env_file.read_text()
        instance.env_file.unlink()
        ensure_env(instance)
        assert instance.env_file.read_text() != first

    def test_switches_ray_off_on_a_small_machine(self, instance: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
        instance.env_file.unlink()
        monkeypatch.setattr(environment, "memory_bytes", lambda: 4 * 1000**3)
        ensure_env(instance)
        assert not Instance("test", 80, instance.code, instance.home).ray_enabled


class TestAFileThatIsThere:
    def test_is_not_touched(self, instance: Instance) -> None:
        before = instance.env_file.read_text()
        assert ensure_env(instance) == ""
        assert instance.env_file.read_text() == before

    def test_gains_what_the_template_gained(self, instance: Instance) -> None:
        text = instance.env_file.read_text()
        kept = [line for line in text.splitlines() if not line.startswith(("RAY_AUTH_TOKEN=", "BIND_HOST="))]
        instance.env_file.write_text("\n".join(kept))
        assert ensure_env(instance).endswith("added BIND_HOST, RAY_AUTH_TOKEN")
        assert instance.env_file.read_text().startswith("\n".join(kept))
        values = Instance("test", 80, instance.code, instance.home).values
        assert values["BIND_HOST"] == "127.0.0.1"
        assert len(values["RAY_AUTH_TOKEN"]) >= 32

    def test_tells_containers_the_passwords_that_its_addresses_have(self, instance: Instance) -> None:
        text = instance.env_file.read_text()
        names = ("POSTGRES_PASSWORD=", "REDIS_PASSWORD=")
        instance.env_file.write_text("\n".join(line for line in text.splitlines() if not line.startswith(names)))
        ensure_env(instance)
        values = Instance("test", 80, instance.code, instance.home).values
        assert values["POSTGRES_PASSWORD"] == instance.address("postgres").password
        assert values["REDIS_PASSWORD"] == instance.address("redis").password

    def test_keeps_a_changed_value(self, instance: Instance) -> None:
        changed = change(instance, "API_GATEWAY_PORT", "4711")
        ensure_env(changed)
        assert changed.values["API_GATEWAY_PORT"] == "4711"


def test_programs_do_not_see_the_callers_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://elsewhere:1/x")
    monkeypatch.setenv("LANG", "C.UTF-8")
    assert "DATABASE_URL" not in inherited()
    assert inherited()["LANG"] == "C.UTF-8"
