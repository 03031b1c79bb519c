"""Routes: inject, call one use case, answer."""
