"""Value types and pure functions that every other package of epitoma may use."""
