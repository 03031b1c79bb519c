"""People of the isolation check: they leave nothing behind, however their stay ends."""

from typing import Any

import pytest

import isolation_guests
from console import Refusal
from instance import Instance
from isolation_guests import Guest, arrive, leave


class Gateway:
    """One account at most; stops answering, or fails, at a path that is told."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.accounts: set[str] = set()
        self.fails: dict[str, int | BaseException] = {}
        monkeypatch.setattr(isolation_guests, "send", self.send)

    def send(self, method: str, url: str, bearer: str = "", **options: Any) -> tuple[int, Any]:
        path = url.partition("/api/v1")[2].partition("?")[0]
        if path == "/auth/register":
            self.accounts.add(options["json"]["email"])
        if (failure := self.fails.pop(f"{method} {path}", None)) is not None:
            if isinstance(failure, BaseException):
                raise failure
            return failure, {"code": "because"}
        if path == "/auth/login":
            email = options["json"]["email"]
            return (200, {"access_token": email, "refresh_token": "x"}) if email in self.accounts else (401, None)
        if (method, path) == ("DELETE", "/users/me"):
            self.accounts.remove(bearer)
            return 204, None
        return 201, {"id": "7", "key": "k", "task_id": "8", "urls": [{"url": "http://x"}]}


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> Gateway:
    return Gateway(monkeypatch)


def test_who_arrived_leaves(gateway: Gateway, instance: Instance) -> None:
    guest = arrive(instance)
    assert gateway.accounts == {guest.email}
    assert guest.email.endswith("@example.org")
    assert leave(instance, guest)
    assert gateway.accounts == set()


@pytest.mark.parametrize("path", ["/auth/register", "/auth/login", "/projects", "/upload/file", "/upload/presign"])
@pytest.mark.parametrize("failure", [500, KeyboardInterrupt(), ConnectionError("gone")])
def test_who_is_turned_away_or_interrupted_leaves_nothing(
    gateway: Gateway, instance: Instance, path: str, failure: int | BaseException
) -> None:
    gateway.fails[f"POST {path}"] = failure
    with pytest.raises((Refusal, KeyboardInterrupt)):
        arrive(instance)
    assert gateway.accounts == set()


def test_a_refusal_names_the_call_and_the_code(gateway: Gateway, instance: Instance) -> None:
    gateway.fails["POST /upload/file"] = 507
    with pytest.raises(Refusal, match="test: POST /upload/file answered 507 because"):
        arrive(instance)


def test_an_instance_that_does_not_answer_is_to_be_started(gateway: Gateway, instance: Instance) -> None:
    gateway.fails["POST /auth/register"] = ConnectionError("gone")
    with pytest.raises(Refusal, match=r"start-dev\.sh --project test"):
        arrive(instance)


@pytest.mark.parametrize("failure", [500, ConnectionError("gone")])
def test_an_account_that_stays_is_told_of(gateway: Gateway, instance: Instance, failure: int | BaseException) -> None:
    guest = arrive(instance)
    gateway.fails["DELETE /users/me"] = failure
    assert not leave(instance, guest)
    assert leave(instance, Guest("nobody@example.org", "never registered"))
