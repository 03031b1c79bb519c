"""Use cases of the AI service."""
