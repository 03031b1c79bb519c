"""What kubectl says of a server is understood: versions, kinds, warnings and refusals, one by one."""

from pathlib import Path

import pytest

import kube_check
import kube_server
from console import Refusal
from kube_check import main
from kube_server import Server, plain
from kube_trial import Trial
from manifests import Manifest

from .conftest import Rendered

FAKE = """#!/bin/sh
echo "$*" >>"$(dirname "$0")/asked"
case "$*" in
  *"--raw /version") echo '{"major": "1", "minor": "27+"}' ;;
  *"--raw /api/v1") echo '{"resources": [{"name": "pods", "kind": "Pod"}, {"name": "pods/eviction", "kind": "Eviction"}]}' ;;
  *"--raw /apis/policy/v1") echo 'Error from server (NotFound): the server could not find the requested resource' >&2; exit 1 ;;
  *"--raw /apis/apps/v1") echo 'error: You must be logged in to the server (Unauthorized)' >&2; exit 1 ;;
  *apply*)
    text="$(cat)"
    echo 'Warning: policy/v1beta1 is old' >&2
    case "$text" in *bad*) echo 'Error from server (Invalid): error when creating "STDIN": Service "bad" is invalid' >&2; exit 1 ;; esac ;;
  *"delete namespace"*) ;;
  *) exit 9 ;;
esac
"""  # noqa: E501


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Server:
    program = tmp_path / "kubectl"
    program.write_text(FAKE)
    program.chmod(0o700)
    monkeypatch.setattr(kube_server, "kubectl", lambda: str(program))
    (tmp_path / "config").write_text("")
    return Server(tmp_path / "config")


def service(name: str) -> Manifest:
    return Manifest({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}})


def asked(tmp_path: Path) -> list[str]:
    return (tmp_path / "asked").read_text().splitlines()


def test_it_says_its_version_once(server: Server, tmp_path: Path) -> None:
    assert [server.version, server.version] == [(1, 27), (1, 27)]
    assert asked(tmp_path) == [f"--kubeconfig={tmp_path}/config get --raw /version"]


def test_kinds_are_those_of_whole_objects(server: Server) -> None:
    assert server.kinds("v1") == {"Pod"}


def test_a_version_that_it_lacks_has_none(server: Server) -> None:
    assert server.kinds("policy/v1") == set()


def test_a_server_that_lets_nobody_in_is_not_one_that_lacks_something(server: Server) -> None:
    with pytest.raises(Refusal, match="Unauthorized"):
        server.kinds("apps/v1")


def test_what_is_taken_together_is_asked_for_once(server: Server, tmp_path: Path) -> None:
    assert server.apply([service("a"), service("b")], dry_run=True) == []
    assert server.apply([], dry_run=False) == []
    assert asked(tmp_path) == [f"--kubeconfig={tmp_path}/config apply --dry-run=server --filename=-"]


def test_what_is_refused_is_found_among_others(server: Server, tmp_path: Path) -> None:
    (refused,) = server.apply([service("a"), service("bad"), service("b")], dry_run=False)
    assert refused.manifest.name == "bad"
    assert refused.words == 'Invalid: Service "bad" is invalid'
    assert not [line for line in asked(tmp_path) if "dry-run" in line]


def test_warnings_are_passed_on_and_are_no_refusals(server: Server) -> None:
    heard: list[str] = []
    assert server.apply([service("a")], dry_run=True, warned=heard.append) == []
    assert heard == ["policy/v1beta1 is old"]


def test_a_failure_of_anything_else_is_told(server: Server) -> None:
    with pytest.raises(Refusal, match="silent"):
        server._asked("whoami")


def test_a_server_that_hangs_is_told_as_one(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "kubectl").write_text("#!/bin/sh\nexec sleep 60\n")
    monkeypatch.setattr(kube_server, "PATIENCE_SECONDS", 0.2)
    with pytest.raises(Refusal, match="not answered"):
        server.remove("place")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('error: error validating "STDIN": ValidationError: unknown field "x"', 'ValidationError: unknown field "x"'),
        ('Error from server (Forbidden): error when creating "STDIN": no', "Forbidden: no"),
        ('The Deployment "a" is invalid: spec', 'The Deployment "a" is invalid: spec'),
    ],
)
def test_words_begin_with_what_matters(line: str, words: str) -> None:
    assert plain(line) == words


def test_a_kubeconfig_that_is_not_there_is_told_before_anything_is_checked(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(kube_check, "check_all", lambda _: pytest.fail("it went on"))
    assert main([f"--api-server={tmp_path}/none"]) == 1
    assert "there is no kubeconfig" in capsys.readouterr().err


@pytest.mark.parametrize(("refused", "code"), [(0, 0), (2, 1)])
def test_the_command_fails_when_the_server_refuses_something(
    refused: int, code: int, server: Server, rendered: Rendered, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kube_check, "check_all", lambda _: 0)
    monkeypatch.setattr(kube_check, "render", lambda folder: rendered(folder.name))
    monkeypatch.setattr(Trial, "run", lambda _, objects: refused if objects else 9)
    assert main(["--project=pro1", f"--api-server={tmp_path}/config"]) == code
