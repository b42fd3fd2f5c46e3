"""Articles -> stories. Every module here is pure: no database, network, clock or randomness."""
