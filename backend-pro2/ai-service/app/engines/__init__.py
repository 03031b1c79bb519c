"""Pure computation, run in a child process that may be killed: a JSON job in, a JSON result out."""
