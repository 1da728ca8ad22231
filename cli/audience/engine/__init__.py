"""A logical plan → who is in what."""
