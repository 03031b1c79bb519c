"""The use of fitted models: predictions, their reasons, what would be if, and how a model does on later data."""
