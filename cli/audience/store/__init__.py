"""Published packs: written in one step, read back whole."""
