"""Pure ASGI middleware, outermost first: request id, metrics, (CORS,) rate limit."""
