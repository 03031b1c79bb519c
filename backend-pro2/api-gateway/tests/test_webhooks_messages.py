"""What receivers get, and when again; and how secrets are read and kept."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr
from standardwebhooks import Webhook

from shared.config import Settings
from shared.ids import new_id

from ..app.core.webhook_messages import LONGEST_RETRY_AFTER, PAUSES, body_of, headers_of, pause_after, retry_after_of
from ..app.core.webhook_secrets import SecretBox, SecretUnreadable, SigningKey, key_of, new_key, shown, succeed

NOW = datetime.now(UTC)
DAY = timedelta(days=1)


class TestSignatures:
    def test_the_vector_of_the_standard(self) -> None:
        key = SigningKey(key_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"))
        at = datetime.fromtimestamp(1614265330, UTC)
        headers = headers_of("msg_p5jXN8AQM9LWM0D4loKWxJek", at, b'{"test": 2432232314}', [key])
        assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        assert (headers["webhook-id"], headers["webhook-timestamp"]) == ("msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330")

    def test_each_key_signs_until_its_end(self) -> None:
        new, old, over = new_key(), new_key(), new_key()
        keys = [SigningKey(new), SigningKey(old, NOW + DAY), SigningKey(over, NOW - DAY)]
        headers = headers_of("m", NOW, b"{}", keys)
        assert len(headers["webhook-signature"].split(" ")) == 2
        for key in (new, old):
            assert Webhook(shown(key)).verify(b"{}", headers) == {}
        with pytest.raises(Exception, match="No matching signature"):
            Webhook(shown(over)).verify(b"{}", headers)

    def test_the_body_is_the_same_however_it_was_kept(self) -> None:
        payload = {"data": {"b": 1, "a": "é"}, "type": "task.failed", "timestamp": "2026-01-31T12:00:00Z"}
        body = '{"type":"task.failed","timestamp":"2026-01-31T12:00:00Z","data":{"b":1,"a":"é"}}'
        assert body_of(payload) == body.encode()


class TestPauses:
    def test_they_grow_and_then_stay(self) -> None:
        for attempt, usual in enumerate([*PAUSES, PAUSES[-1], PAUSES[-1]], 1):
            assert usual <= pause_after(attempt) <= usual * 1.2
        assert PAUSES[0] == timedelta(seconds=5)
        assert len({pause_after(3) for _ in range(20)}) > 1

    def test_the_receiver_may_ask_for_more_but_not_for_less_or_for_ever(self) -> None:
        assert pause_after(1, timedelta(minutes=7)) == timedelta(minutes=7)
        assert pause_after(3, timedelta(seconds=1)) >= PAUSES[2]
        assert pause_after(1, timedelta(days=900)) == LONGEST_RETRY_AFTER

    @pytest.mark.parametrize(
        ("header", "seconds"),
        [
            ("120", 120),
            (" 0 ", 0),
            ("9" * 30, 86400),
            ("Wed, 21 Oct 2015 07:28:00 GMT", 0),
            ("Sat, 31 Jan 2026 12:01:30 GMT", 90),
            *((text, None) for text in ("", None, "soon", "-5", "1.5", "\u0663", "Sat, 99 Foo 2026")),
        ],
    )
    def test_retry_after(self, header: str | None, seconds: int | None) -> None:
        at = datetime(2026, 1, 31, 12, tzinfo=UTC)
        asked = retry_after_of(header, at)
        assert (None if asked is None else asked.total_seconds()) == seconds


class TestSecrets:
    @pytest.mark.parametrize("size", [24, 32, 64])
    def test_of_the_standard(self, size: int) -> None:
        key = bytes(range(size))
        assert key_of(shown(key)) == key

    @pytest.mark.parametrize("text", ["sixteen letters!", "é" * 32, "x" * 64])
    def test_texts(self, text: str) -> None:
        assert Webhook(shown(key_of(text))).sign("m", NOW, "") == Webhook(text.encode()).sign("m", NOW, "")

    @pytest.mark.parametrize(
        "text",
        [
            *(
                "whsec_",
                "whsec_short",
                "whsec_" + "!" * 40,
                "fifteen letters",
                "x" * 65,
                "é" * 33,
                "with\nline break in",
            ),
            *("whsec_" + base64.b64encode(bytes(size)).decode() for size in (23, 65)),
        ],
    )
    def test_neither(self, text: str) -> None:
        with pytest.raises(ValueError, match="must"):
            key_of(text)

    def test_succession(self) -> None:
        first, second, third, fourth = (new_key() for _ in range(4))
        keys = succeed([SigningKey(first)], second, NOW, DAY)
        assert keys == (SigningKey(second), SigningKey(first, NOW + DAY))
        keys = succeed(keys, third, NOW, 2 * DAY)
        assert keys[1:] == (SigningKey(second, NOW + 2 * DAY), SigningKey(first, NOW + DAY))
        assert [one.key for one in succeed(keys, fourth, NOW, DAY)] == [fourth, third, second]
        assert succeed(keys, second, NOW, DAY) == (
            SigningKey(second),
            SigningKey(third, NOW + DAY),
            SigningKey(first, NOW + DAY),
        )
        assert succeed(keys, fourth, NOW, timedelta(0)) == (SigningKey(fourth),)


def box(*keys: str) -> SecretBox:
    settings = Settings(secret_key=SecretStr(keys[0]), secret_keys_previous=tuple(map(SecretStr, keys[1:])))
    return SecretBox(settings)


class TestBox:
    def test_there_and_back(self) -> None:
        webhook_id, keys = new_id(), (SigningKey(new_key()), SigningKey(new_key(), NOW))
        sealed = box("a" * 32).close(webhook_id, keys)
        assert box("a" * 32).open(webhook_id, sealed) == keys
        assert all(base64.b64encode(one.key) not in sealed and one.key not in sealed for one in keys)
        assert sealed != box("a" * 32).close(webhook_id, keys)

    def test_a_retired_key_still_opens(self) -> None:
        webhook_id, keys = new_id(), (SigningKey(new_key()),)
        sealed = box("a" * 32).close(webhook_id, keys)
        later = box("b" * 32, "x" * 32, "a" * 32)
        assert (later.open(webhook_id, sealed), later.is_stale(sealed)) == (keys, True)
        assert not later.is_stale(later.close(webhook_id, keys))

    def test_nothing_else_does(self) -> None:
        webhook_id = new_id()
        sealed = box("a" * 32).close(webhook_id, [SigningKey(new_key())])
        damaged = sealed[:-1] + bytes([sealed[-1] ^ 1])
        for opener, owner, what in (
            (box("b" * 32), webhook_id, sealed),
            (box("a" * 32), new_id(), sealed),
            (box("a" * 32), webhook_id, damaged),
            (box("a" * 32), webhook_id, b""),
            # A whole mark, and a nonce cut short.
            (box("a" * 32), webhook_id, sealed[:8]),
        ):
            with pytest.raises(SecretUnreadable):
                opener.open(owner, what)
