"""One line to answer a single resource under its entity tag."""

import pytest

from shared.conditional import json_answer, not_modified, tagged
from shared.errors import PreconditionFailed
from shared.etags import etag_of, etag_of_digest, etag_of_model, require_current
from shared.schemas import ApiModel


class Thing(ApiModel):
    name: str
    ratio: float = float("nan")


THING = Thing.model_construct(name="é", ratio=float("nan"))


def test_the_body_names_the_state() -> None:
    answer = tagged(THING)
    assert (answer.status_code, bytes(answer.body)) == (200, '{"name":"é","ratio":null}'.encode())
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["etag"] == etag_of_model(THING) == etag_of(bytes(answer.body))
    assert tagged(Thing(name="e", ratio=1)).headers["etag"] != answer.headers["etag"]


@pytest.mark.parametrize("header", ["*", etag_of_model(THING), f'"x", W/{etag_of_model(THING)}'])
def test_who_has_this_state_gets_nothing(header: str) -> None:
    answer = tagged(THING, header)
    assert (answer.status_code, answer.body, answer.headers["etag"]) == (304, b"", etag_of_model(THING))


@pytest.mark.parametrize("header", [None, "", '"x"', etag_of_model(THING).strip('"')])
def test_who_has_another_gets_all(header: str | None) -> None:
    assert tagged(THING, header).status_code == 200


def test_a_state_named_by_something_else() -> None:
    answer = tagged(THING, '"0"', tag='"1"', status=201, headers={"Location": "/things/1"})
    assert (answer.status_code, answer.headers["etag"], answer.headers["location"]) == (201, '"1"', "/things/1")
    assert tagged(THING, '"1"', tag='"1"').status_code == 304


def test_bytes_whose_digest_is_known() -> None:
    tag = etag_of_digest("ab12")
    assert (tag, not_modified('"cd34"', tag)) == ('"ab12"', None)
    unchanged = not_modified(tag, tag)
    assert unchanged is not None
    assert unchanged.status_code == 304


def test_a_plain_answer_is_what_the_tag_hashes() -> None:
    assert etag_of(bytes(json_answer(THING).body)) == etag_of_model(THING)


@pytest.mark.parametrize("header", [None, "*", '"a"', '"b", "a"'])
def test_a_change_of_this_state(header: str | None) -> None:
    require_current(header, '"a"', "thing")


@pytest.mark.parametrize("header", ["", '"b"', 'W/"a"'])
def test_a_change_of_another_state(header: str) -> None:
    with pytest.raises(PreconditionFailed, match="The thing has changed"):
        require_current(header, '"a"', "thing")
