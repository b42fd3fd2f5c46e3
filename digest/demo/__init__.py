"""A fictional town with its publishers and readers, and three mornings of it."""
