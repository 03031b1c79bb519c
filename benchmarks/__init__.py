"""Measured comparisons of the backend with plainer ways to build it."""
