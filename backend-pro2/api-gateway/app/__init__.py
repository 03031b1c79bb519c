"""API gateway: accounts, projects, and one origin for every service of the instance."""
