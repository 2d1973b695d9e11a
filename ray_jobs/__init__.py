"""The jobs, one short file each: run with ``python -m ray_jobs.NAME``, here or through ``ray job submit``."""

from ray_jobs.parts import process_start

# Python imports a package before a module in it. First of all, so that a stop from here on shows no traceback.
if process_start.is_a_job():
    process_start.start()

from epitoma.on_ray.cluster.variables import set_variables
from ray_jobs.parts.first_line import say_first_line_of_process

# Before a job imports Ray, which reads them then.
set_variables()

# Before the job's own imports, which take seconds.
say_first_line_of_process()
