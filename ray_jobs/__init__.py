"""Jobs: each a short file, run as ``python -m ray_jobs.NAME`` here or through ``ray job submit``."""
