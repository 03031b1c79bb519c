"""HTTP: one file per resource, and the forwarder."""
