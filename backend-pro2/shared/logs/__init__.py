"""How log lines are made: ids, redaction, bounds, rendering, and a writer that nobody waits for."""
