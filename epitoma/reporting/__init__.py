"""Output for people: progress on the console, tables, figures, HTML pages."""
