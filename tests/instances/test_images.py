"""Building when the source changed and pulling what is absent, with a made-up engine."""

from pathlib import Path

import pytest

import images
from compose import Compose
from console import Refusal
from images import builder_environment, ensure_images, source_digest
from instance import Instance

from .conftest import change
from .fake_engine import FakeEngine

BASE = "python:3.11-slim-bookworm"


@pytest.fixture
def code(instance: Instance) -> Path:
    """The project folder with a little source."""
    folder = instance.code
    (folder / "Dockerfile").write_text("FROM x\nCOPY --from=packages /opt /opt\nCOPY lock.txt .\nCOPY shared shared\n")
    (folder / ".dockerignore").write_text(".env\n")
    (folder / "lock.txt").write_text("x==1\n")
    (folder / "shared" / "tests").mkdir()
    (folder / "shared" / "tests" / "test_x.py").write_text("1\n")
    return folder


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The commands that would have built an image."""
    commands: list[str] = []

    def watch(command: list[str], instance: Instance, log: Path) -> int:
        commands.append(" ".join(command))
        return 0

    monkeypatch.setattr(images, "_watch", watch)
    return commands


class TestTheDigest:
    def test_is_the_same_for_the_same_source(self, code: Path) -> None:
        assert source_digest(code, BASE) == source_digest(code, BASE)

    @pytest.mark.parametrize("name", ["Dockerfile", ".dockerignore", "lock.txt", "shared/config.py"])
    def test_changes_with_what_goes_into_an_image(self, code: Path, name: str) -> None:
        before = source_digest(code, BASE)
        (code / name).write_text((code / name).read_text() + "\n# COPY nothing\n")
        assert source_digest(code, BASE) != before

    def test_changes_with_a_new_file_and_with_the_base(self, code: Path) -> None:
        before = source_digest(code, BASE)
        assert source_digest(code, f"{BASE}@sha256:1") != before
        (code / "shared" / "new.py").touch()
        assert source_digest(code, BASE) != before

    @pytest.mark.parametrize(
        "name", [".env", "shared/tests/test_x.py", "shared/__pycache__/x.pyc", "shared/testing/x.py", "docs.md"]
    )
    def test_does_not_mind_what_stays_outside(self, code: Path, name: str) -> None:
        before = source_digest(code, BASE)
        (code / name).parent.mkdir(exist_ok=True)
        (code / name).write_text("other")
        assert source_digest(code, BASE) == before


def ensure(instance: Instance) -> None:
    ensure_images(instance, Compose(change(instance, "RAY_ENABLED", "false")).services())


@pytest.mark.usefixtures("code")
class TestOurs:
    def test_are_built_when_they_are_absent(self, instance: Instance, engine: FakeEngine, built: list[str]) -> None:
        engine.answer("docker image inspect", "{}")
        engine.fail("docker image inspect --format {{json .Config.Labels}} h9-", "No such image")
        ensure(instance)
        assert [line.split(" --build-arg")[0] for line in built] == [
            "docker build --target full --tag h9-backend:dev",
            "docker build --target gateway --tag h9-gateway:dev",
        ]
        assert f"SOURCE_DIGEST={source_digest(instance.code, BASE)}" in built[0]

    def test_are_left_alone_while_their_source_is_the_same(
        self, instance: Instance, engine: FakeEngine, built: list[str]
    ) -> None:
        engine.answer("docker image inspect", f'{{"{images.LABEL}": "{source_digest(instance.code, BASE)}"}}')
        ensure(instance)
        assert built == []
        assert not engine.was_asked("docker pull")

    def test_are_built_anew_when_it_changed(self, instance: Instance, engine: FakeEngine, built: list[str]) -> None:
        engine.answer("docker image inspect", f'{{"{images.LABEL}": "{source_digest(instance.code, BASE)}"}}')
        (instance.code / "lock.txt").write_text("x==2\n")
        ensure(instance)
        assert len(built) == 2

    def test_come_from_a_registry_where_one_is_named(
        self, instance: Instance, engine: FakeEngine, built: list[str]
    ) -> None:
        engine.fail("docker image inspect --format {{json .Config.Labels}} h9-", "No such image")
        engine.answer("docker image inspect", "{}")
        engine.fail("docker pull --quiet h9-", "manifest unknown")
        with pytest.raises(Refusal, match=r"h9-gateway:dev could not be pulled.*IMAGE_REGISTRY or IMAGE_TAG"):
            ensure(change(instance, "IMAGE_REGISTRY", "registry.example.org/"))
        assert built == []

    def test_that_cannot_be_built_end_the_start_with_the_end_of_the_log(
        self, instance: Instance, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fails(command: list[str], instance: Instance, log: Path) -> int:
            log.write_text("Step 1\n\nno matching distribution\n")
            return 1

        monkeypatch.setattr(images, "_watch", fails)
        engine.answer("docker image inspect", "null")
        with pytest.raises(
            Refusal, match=r"was not built, nothing was started; .*build\.log ends with:\n.*Step 1\n.*no m"
        ):
            ensure(instance)


@pytest.mark.parametrize(
    ("text", "step"),
    [
        ("Step 3/9 : RUN python -m venv\n ---> Using cache\nlots of words\n", "RUN python -m venv"),
        ("#5 [packages 2/3] RUN pip\n#4 DONE 0.1s\n", "[packages 2/3] RUN pip"),
        ("sending the context\n", "not yet at its first step"),
    ],
)
def test_a_long_build_says_which_step_is_under_way(tmp_path: Path, text: str, step: str) -> None:
    log = tmp_path / "build.log"
    log.write_text(text)
    assert images._step_of(log) == step


@pytest.mark.usefixtures("code", "built")
class TestOthers:
    def test_are_pulled_only_when_they_are_absent(self, instance: Instance, engine: FakeEngine) -> None:
        engine.answer("docker image inspect", "{}")
        engine.fail("docker image inspect --format {{json .Config.Labels}} postgres", "No such image")
        ensure(instance)
        assert engine.was_asked("docker pull") == ["docker pull --quiet postgres:15-bookworm"]

    def test_that_cannot_be_pulled_are_all_named_with_their_variables(
        self, instance: Instance, engine: FakeEngine, built: list[str]
    ) -> None:
        engine.fail("docker image inspect", "No such image")
        engine.fail("docker pull", "Error response from daemon:\nlookup: no such host")
        with pytest.raises(Refusal, match="nothing was started") as caught:
            ensure(instance)
        first, second = [line for line in str(caught.value).splitlines() if "could not be pulled" in line]
        assert "postgres:15-bookworm" in first
        assert "POSTGRES_IMAGE" in first
        assert "no such host" in first
        assert BASE in second
        assert "PYTHON_IMAGE" in second
        assert built == []


class TestTheBuilder:
    def test_is_the_older_one_where_the_plugin_is_absent(self, engine: FakeEngine) -> None:
        assert builder_environment()["DOCKER_BUILDKIT"] == "0"

    def test_is_dockers_own_choice_otherwise(self, engine: FakeEngine) -> None:
        engine.answer("docker buildx", "v0.13")
        assert "DOCKER_BUILDKIT" not in builder_environment()

    def test_is_the_callers_choice_where_there_is_one(
        self, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("DOCKER_BUILDKIT", "1")
        assert builder_environment()["DOCKER_BUILDKIT"] == "1"
