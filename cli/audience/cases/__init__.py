"""Cases of rules: small tables written by hand, and who must be in which pack."""
