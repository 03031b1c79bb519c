"""SQL, and the rows it yields; every query is scoped to what the caller may see."""
