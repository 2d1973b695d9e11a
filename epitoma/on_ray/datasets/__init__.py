"""Making datasets in parallel with Ray tasks."""
