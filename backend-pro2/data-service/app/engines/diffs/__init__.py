"""What changed from one version to another, row by row."""
