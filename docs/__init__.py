"""The documentation: `make docs` builds the site of it, and of what the code says itself."""
