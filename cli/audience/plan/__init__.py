"""The logical plan: what to compute, not how."""
