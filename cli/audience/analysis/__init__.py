"""Questions about packs, answered with their own plan: each evaluates, `insight` then counts."""
