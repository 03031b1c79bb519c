"""Pure compute, run in the killable child: a JSON job in, a JSON answer out; no database, no asyncio."""
