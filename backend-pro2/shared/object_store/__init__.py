"""The object store: one bucket of an S3-compatible server."""

from .errors import MissingObject, StoreRefused
from .store import ObjectInfo, ObjectStore, StoredObject, read_file

__all__ = ["MissingObject", "ObjectInfo", "ObjectStore", "StoreRefused", "StoredObject", "read_file"]
