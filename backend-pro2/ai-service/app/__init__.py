"""The AI service: analyses, and the tasks of the whole instance."""
