"""The command as people call it: it names what is wrong, and its exit code says that something is."""

from collections.abc import Sequence
from pathlib import Path

import pytest

import kube_check
import kube_rules
import manifests
from console import Refusal
from kube_check import check, folders, main, unpinned
from manifests import ROOT, Manifest, render

from .conftest import Rendered


def spoiled(manifests: Sequence[Manifest]) -> list[Manifest]:
    return [manifest for manifest in manifests if str(manifest) != "Service/redis"]


def test_a_fault_is_named_and_counted(
    rendered: Rendered, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(kube_check, "render", lambda _: spoiled(rendered("pro1")))
    found = check(Path("pro1"))
    said = capsys.readouterr()
    assert found == said.err.count("pro1: ") - 1 > 0
    assert "references: StatefulSet/redis: there is no service redis" in said.err
    assert f"{found} faults" in said.out


def test_it_fails_when_there_is_one(rendered: Rendered, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kube_rules, "faults", list)
    monkeypatch.setattr(kube_check, "render", lambda _: rendered("pro2"))
    assert main(["--project", "pro2"]) == 0
    monkeypatch.setattr(kube_check, "render", lambda _: spoiled(rendered("pro2")))
    assert main(["--project", "pro2"]) == 1


def test_rules_that_drifted_are_told_and_can_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = ROOT / ".run" / f"{tmp_path.name}-rules.yaml"
    target.parent.mkdir(exist_ok=True)
    monkeypatch.setattr(kube_rules, "TARGET", target)
    try:
        assert "--write" in kube_rules.faults()[0]
        kube_rules.write()
        assert kube_rules.faults() == []
    finally:
        target.unlink(missing_ok=True)


def test_an_unknown_overlay_is_refused_with_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--project", "pro99"]) == 1
    assert "pro1" in capsys.readouterr().err


def test_what_cannot_be_rendered_is_refused_in_kubectls_words(kubectl: None, tmp_path: Path) -> None:
    (tmp_path / "kustomization.yaml").write_text("resources: [nowhere.yaml]\n")
    with pytest.raises(Refusal, match=r"nowhere\.yaml"):
        render(tmp_path)


def test_without_kubectl_it_says_where_from(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(manifests, "OWN_KUBECTL", tmp_path / "kubectl")
    with pytest.raises(Refusal, match=r"prepare\.sh"):
        render(folders()[0])


def test_digests_that_are_still_to_be_written_are_named(rendered: Rendered) -> None:
    assert "registry.example.org/ai-platform/gateway" in unpinned(rendered("pro1"))
