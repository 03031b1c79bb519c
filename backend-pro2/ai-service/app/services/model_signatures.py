"""Files of models are signed when they are stored, and loaded only if the signature holds.

The key follows from SECRET_KEY; what a retired one has signed holds as long as SECRET_KEYS_PREVIOUS names it, and is
meanwhile signed anew.
"""

import hashlib
import hmac
from uuid import UUID

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from shared.config import Settings
from shared.errors import Conflict

from ..repositories.model_versions import ModelVersion
from ..repositories.served_models import ServedModel


class ModelNotGenuine(Conflict):
    """The row or the file of a version is not what training has stored."""

    code = "model_not_genuine"

    def __init__(self, name: str, version: int) -> None:
        super().__init__(
            f"Version {version} of model {name!r} does not bear this instance's signature, so it is not loaded. "
            "Train it again; after a restore, name the SECRET_KEY of then in SECRET_KEYS_PREVIOUS."
        )


class ModelSigner:
    """Signs what a version is: its project, model, number and the hash of its file."""

    def __init__(self, settings: Settings) -> None:
        secrets = (settings.secret_key, *settings.secret_keys_previous)
        self._keys = [_derive(secret.get_secret_value().encode()) for secret in secrets]

    def sign(self, project_id: UUID, model_id: UUID, version: int, sha256: str) -> bytes:
        """The signature under the present key."""
        return _sign(self._keys[0], project_id, model_id, version, sha256)

    def require_genuine(self, found: ModelVersion | ServedModel) -> None:
        """Let a version pass that this instance has signed; its bytes are then checked against the hash.

        Raises:
            ModelNotGenuine: it has not.
        """
        what = (found.project_id, found.model_id, found.version, found.sha256)
        if not any(hmac.compare_digest(_sign(key, *what), found.signature) for key in self._keys):
            raise ModelNotGenuine(found.name, found.version)

    def renewed(self, found: ServedModel) -> bytes | None:
        """The signature under the present key, where a retired one has signed; None where it is there already.

        Raises:
            ModelNotGenuine: no key has signed.
        """
        self.require_genuine(found)
        signature = self.sign(found.project_id, found.model_id, found.version, found.sha256)
        return None if hmac.compare_digest(signature, found.signature) else signature


def _derive(secret: bytes) -> bytes:
    return HKDF(SHA256(), 32, salt=None, info=b"model-files").derive(secret)


def _sign(key: bytes, project_id: UUID, model_id: UUID, version: int, sha256: str) -> bytes:
    return hmac.digest(key, f"{project_id}\n{model_id}\n{version}\n{sha256}".encode(), hashlib.sha256)
