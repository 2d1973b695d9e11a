"""The jobs, one short file each: run with ``python -m ray_jobs.NAME``, here or through ``ray job submit``."""

from ray_jobs.parts.first_line import say_first_line_of_process

# Python imports a package before a module in it, so the line comes before the job's own imports, which take seconds.
say_first_line_of_process()
