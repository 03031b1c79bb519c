"""Rules that a version must satisfy, and how far it has drifted from another."""
