"""Membership → results: sizes, overlaps, differences. Frozen values; nothing here prints."""
