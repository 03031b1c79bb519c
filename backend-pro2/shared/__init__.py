"""What the services of one instance share: settings, connections, tokens, tasks and the shape of an HTTP service."""
