"""Servers outside the instance that the AI service asks: the language model."""
