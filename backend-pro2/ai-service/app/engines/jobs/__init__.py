"""Distributed jobs: computations cut into pieces that run on threads or on the Ray cluster, with equal results."""
