"""The version of this code, as health, results and documentation state it."""

VERSION = "0.1.0"
