"""The data service: uploads, datasets and their content, queries."""
