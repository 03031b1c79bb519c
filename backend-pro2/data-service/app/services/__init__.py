"""Use cases; they own the transaction and know no FastAPI."""
