"""YAML text → rule trees: names resolved, values typed, every node with its place."""
