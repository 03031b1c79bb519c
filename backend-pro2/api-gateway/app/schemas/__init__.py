"""Bodies that come in and go out."""
