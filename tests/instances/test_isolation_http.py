"""Crossings over HTTP against two gateways that are played: each knows its key, its own people and what is theirs."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from jose import JWTError, jwt

import isolation_http
from environment import ensure_env
from instance import Instance
from isolation import NotApplicable, Side, Undecided
from isolation_guests import Guest
from modes import LOCAL

from .conftest import change

FORGED = "token forged with the other's SECRET_KEY"


def token(instance: Instance, user: str) -> str:
    name = instance.values["PROJECT_ID"]
    claims = {"iss": name, "aud": name, "sub": user}
    return str(jwt.encode(claims, instance.values["SECRET_KEY"], algorithm="HS256", headers={"typ": "at+jwt"}))


def made(instance: Instance) -> Side:
    name = instance.name
    ids = {"project_id": f"{name}-project", "dataset_id": f"{name}-dataset", "task_id": f"{name}-task"}
    guest = Guest("x@example.org", "secret", name, token(instance, name), f"{name}-refresh", f"{name}-key", **ids)
    return Side(instance, LOCAL, guest)


class Gateways:
    """Answers as the services would; `told` says otherwise for a path."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *sides: Side) -> None:
        self.sides = {side.instance.address("api-gateway").port: side for side in sides}
        self.told: dict[str, tuple[int, Any]] = {}
        self.sent: list[tuple[str, str]] = []
        monkeypatch.setattr(isolation_http, "send", self.send)

    def send(self, method: str, url: str, bearer: str = "", **options: Any) -> tuple[int, Any]:
        parts = urlsplit(url)
        self.sent.append((method, parts.path))
        side = self.sides[parts.port or 0]
        path = parts.path.removeprefix("/api/v1")
        if path in self.told:
            return self.told[path]
        if path == "/auth/refresh":
            known = options["json"]["refresh_token"] == side.guest.refresh
            return (200, {"refresh_token": f"{side.guest.refresh}+"}) if known else (401, None)
        if not self.knows(side, bearer):
            return 401, None
        own = (side.guest.project_id, side.guest.dataset_id, side.guest.task_id)
        return (200 if path == "/auth/me" or path.endswith(own) else 404), None

    def knows(self, side: Side, bearer: str) -> bool:
        values = side.instance.values
        try:
            name = values["PROJECT_ID"]
            claims = jwt.decode(bearer, values["SECRET_KEY"], algorithms=["HS256"], audience=name, issuer=name)
        except JWTError:
            return False
        return bool(claims["sub"] == side.guest.user_id)


@pytest.fixture
def one(instance: Instance) -> Side:
    return made(instance)


@pytest.fixture
def other(tmp_path: Path, instance: Instance) -> Side:
    second = Instance("other", 81, instance.code, home=tmp_path / "run")
    ensure_env(second)
    return made(second)


def knock(name: str, who: Side, at: Side) -> str:
    (found,) = (crossing.knock for crossing in isolation_http.crossings() if crossing.name == name)
    return found(who, at)


@pytest.mark.parametrize(
    "name",
    ["access token at the gateway", FORGED, "token with its claims rewritten", "ids of a project, dataset and task"],
)
def test_each_opens_at_home_and_not_at_the_other(
    monkeypatch: pytest.MonkeyPatch, one: Side, other: Side, name: str
) -> None:
    Gateways(monkeypatch, one, other)
    assert knock(name, one, one) != ""
    assert knock(name, other, other) != ""
    assert knock(name, one, other) == ""


def test_with_the_others_key_a_token_is_forged(monkeypatch: pytest.MonkeyPatch, one: Side, other: Side) -> None:
    same = made(change(other.instance, "SECRET_KEY", one.instance.values["SECRET_KEY"]))
    Gateways(monkeypatch, one, same)
    assert knock(FORGED, one, same) == "answers 200"
    assert knock("access token at the gateway", one, same) == ""


def test_a_refresh_token_that_was_used_at_home_is_replaced(
    monkeypatch: pytest.MonkeyPatch, one: Side, other: Side
) -> None:
    Gateways(monkeypatch, one, other)
    assert knock("refresh token", one, one) != ""
    assert one.guest.refresh == "test-refresh+"
    assert knock("refresh token", one, other) == ""


def test_an_id_that_is_known_there_is_named(monkeypatch: pytest.MonkeyPatch, one: Side, other: Side) -> None:
    gateways = Gateways(monkeypatch, one, other)
    gateways.told[f"/datasets/{one.guest.dataset_id}"] = (403, None)
    assert knock("ids of a project, dataset and task", one, other) == "datasets answers 403"


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_service_in_trouble_refuses_nobody(
    monkeypatch: pytest.MonkeyPatch, one: Side, other: Side, status: int
) -> None:
    Gateways(monkeypatch, one, other).told["/auth/me"] = (status, None)
    with pytest.raises(Undecided, match=str(status)):
        knock("access token at the gateway", one, other)


class TestWebhooks:
    name = "webhooks to inner addresses"

    def test_what_is_taken_is_named_and_removed(self, monkeypatch: pytest.MonkeyPatch, one: Side, other: Side) -> None:
        place = f"/projects/{one.guest.project_id}/webhooks"
        gateways = Gateways(monkeypatch, one, other)
        gateways.told = {place: (422, None)}
        assert knock(self.name, one, other) == ""
        gateways.told = {place: (201, {"id": "7"}), f"{place}/7": (204, None)}
        assert "redis: taken" in knock(self.name, one, other)
        assert gateways.sent[-1] == ("DELETE", f"/api/v1{place}/7")

    def test_what_the_operator_allows_is_no_hole(self, monkeypatch: pytest.MonkeyPatch, one: Side, other: Side) -> None:
        open_one = made(change(one.instance, "WEBHOOK_NETWORKS", "10.0.0.0/8, 127.0.0.0/8"))
        Gateways(monkeypatch, open_one, other)
        with pytest.raises(NotApplicable, match="WEBHOOK_NETWORKS"):
            knock(self.name, open_one, other)


def test_flower_needs_to_run_at_both(one: Side, other: Side) -> None:
    with pytest.raises(NotApplicable, match="FLOWER_ENABLED"):
        knock("Flower with the other's password", one, other)
