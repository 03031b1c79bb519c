"""Training of models: preparation, search within a budget, honest measures, and a file that loads without pickle."""
