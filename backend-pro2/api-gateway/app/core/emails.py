"""One spelling for each e-mail address."""

import unicodedata

from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email

MAXIMUM_CHARACTERS = 254

# Names that only a private network knows are good here, since instances are self-hosted; the library invites this edit.
SPECIAL_USE_DOMAIN_NAMES[:] = set(SPECIAL_USE_DOMAIN_NAMES) - {"local", "localhost", "test"}


def normalise_email(address: str) -> str:
    """The address in lower case and its one normal form; DNS is not asked.

    Raises:
        ValueError: not an e-mail address; the message says why.
    """
    try:
        parts = validate_email(address, check_deliverability=False, globally_deliverable=False, strict=True)
    except EmailNotValidError as error:
        raise ValueError(str(error)) from error
    # Composed anew: a small letter may combine with what its capital did not.
    normal = unicodedata.normalize("NFC", parts.normalized.lower())
    if "." not in parts.domain and parts.domain.lower() != "localhost":
        raise ValueError("The part after the @-sign is not a domain name: it needs a period.")
    if len(normal) > MAXIMUM_CHARACTERS:
        raise ValueError(f"An e-mail address has at most {MAXIMUM_CHARACTERS} characters.")
    return normal


def deliverable_form(address: str) -> str:
    """The form of a normal address that mail servers take: a domain beyond ASCII in its encoded spelling."""
    parts = validate_email(address, check_deliverability=False, globally_deliverable=False, strict=True)
    return parts.ascii_email or parts.normalized


def normalise_login(name: str) -> str:
    """The spelling under which an account would be kept; rubbish stays rubbish and so finds no account."""
    try:
        return normalise_email(name)
    except ValueError:
        return name.lower()
