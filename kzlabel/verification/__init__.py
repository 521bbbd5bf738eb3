"""The use case "verify one file": collect evidence, judge it, report it."""
