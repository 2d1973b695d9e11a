"""Search spaces for sweeps, each a module of its own.

``SPACE`` gives dotted names of a training run's options (``python -m ray_jobs.train --help``) values or ranges of
``ray.tune``. ``SEARCH`` says how they are searched: ``variants`` tries every combination of grids and draws the rest
at random, ``optuna`` looks for accuracy up and GMACs down. ``TRIALS`` says how many trials there are, or of
``variants`` how often the grids are gone through.
"""
