"""Fixtures of the tests of shared."""

from shared.testing.fixtures import database, object_store, redis, resources, server_settings, settings, workspace

__all__ = ["database", "object_store", "redis", "resources", "server_settings", "settings", "workspace"]
