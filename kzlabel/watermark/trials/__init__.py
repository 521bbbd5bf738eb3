"""How marks are tried: what works go through, and how many marks come through it."""
