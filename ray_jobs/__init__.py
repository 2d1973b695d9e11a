"""Jobs: each a short file, run as ``python -m ray_jobs.NAME`` here or through ``ray job submit``."""

from ray_jobs.parts.first_line import say_first_line_of_process

# Here, because Python imports a package before the job in it, whose own imports take seconds.
say_first_line_of_process()
