"""Fixtures with real servers, and the few fakes that unit tests of the layers above need."""
