"""The instance's bucket in its object store."""

import urllib.parse

import minio
import urllib3

from instance import Instance

TIMEOUT_SECONDS = 3.0


def object_store(instance: Instance) -> minio.Minio:
    """A client with the instance's keys that gives up quickly."""
    values = instance.values
    address = urllib.parse.urlsplit(values["S3_ENDPOINT_URL"])
    return minio.Minio(
        endpoint=address.netloc,
        access_key=values["S3_ACCESS_KEY"],
        secret_key=values["S3_SECRET_KEY"],
        secure=address.scheme == "https",
        region=values.get("S3_REGION") or "us-east-1",
        http_client=urllib3.PoolManager(timeout=TIMEOUT_SECONDS, retries=False),
    )


def ensure_bucket(instance: Instance) -> None:
    """Make the bucket that S3_BUCKET names unless it is there."""
    store, name = object_store(instance), instance.values["S3_BUCKET"]
    if not store.bucket_exists(name):
        store.make_bucket(name)
