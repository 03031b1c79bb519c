"""What request bodies refuse."""

import json

import pytest
from pydantic import ValidationError

from ..app.schemas.api_keys import ApiKeyCreate
from ..app.schemas.auth import Login, Refresh, Registration
from ..app.schemas.projects import ProjectCreate, ProjectUpdate
from ..app.schemas.users import AccountUpdate, OwnUpdate

GOOD = {"email": "ada@example.com", "password": "correct horse battery"}


@pytest.mark.parametrize(
    "extra", ["role", "is_admin", "id", "is_active", "created_at", "password_hash", "hashed_password"]
)
def test_mass_assignment(extra: str) -> None:
    with pytest.raises(ValidationError):
        Registration.model_validate({**GOOD, extra: "admin"})


@pytest.mark.parametrize("password", [["a"], {"$ne": ""}, True, 0, None, 1.5])
@pytest.mark.parametrize("model", [Registration, Login])
def test_type_juggling(model: type[Registration] | type[Login], password: object) -> None:
    with pytest.raises(ValidationError):
        model.model_validate({**GOOD, "password": password})


@pytest.mark.parametrize("text", ["a\x00b", "\ud800", "x\udfffy"])
@pytest.mark.parametrize("member", ["email", "password", "full_name"])
def test_text_that_cannot_be_stored(member: str, text: str) -> None:
    with pytest.raises(ValidationError):
        Registration.model_validate({**GOOD, member: text})
    with pytest.raises(ValidationError):
        Registration.model_validate_json(json.dumps({**GOOD, member: text}))


@pytest.mark.parametrize("name", ["Eve\r\nBcc: x@y.z", "a\tb", "\x1b[2J", "a\u2028b", "a\x85b"])
def test_names_are_one_line(name: str) -> None:
    Registration.model_validate({**GOOD, "full_name": "Zoë 数据 🎲 د"})
    for refused in (
        lambda: Registration.model_validate({**GOOD, "full_name": name}),
        lambda: OwnUpdate.model_validate({"full_name": name}),
        lambda: ProjectCreate.model_validate({"name": name}),
        lambda: ApiKeyCreate.model_validate({"name": name}),
    ):
        with pytest.raises(ValidationError):
            refused()


@pytest.mark.parametrize("value", [0, 1, "no", "true", "false", 0.0])
def test_only_true_and_false_are_truths(value: object) -> None:
    with pytest.raises(ValidationError):
        AccountUpdate.model_validate({"is_active": value})
    assert AccountUpdate.model_validate({"is_active": False}).is_active is False


@pytest.mark.parametrize("body", ["", "null", "[]", '"x"', "true", "{", '{"email":NaN}', "[" * 5000])
def test_bodies_that_are_no_object(body: str) -> None:
    for model in (Registration, Login, Refresh, ProjectCreate):
        with pytest.raises(ValidationError):
            model.model_validate_json(body)


def test_login_takes_any_name_so_that_rubbish_is_simply_wrong() -> None:
    assert Login(email="Rubbish", password="").email == "rubbish"
    assert Login(email="ADA@example.com", password="x").email == "ada@example.com"


def test_update_of_nothing_is_allowed() -> None:
    assert ProjectUpdate().model_dump() == {"name": None, "description": None}
