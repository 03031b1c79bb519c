"""The plainer ways that the backend is compared with."""
