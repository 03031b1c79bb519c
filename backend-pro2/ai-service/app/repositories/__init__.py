"""SQL of the AI service."""
