"""External programs: the one place each that finds, starts and ends it."""
