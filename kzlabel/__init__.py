"""Labels AI-generated media and verifies such labels."""

__version__ = "0.1.0"
