"""A file added to the content of a version: whether its columns fit, and the rows of both as one table."""
