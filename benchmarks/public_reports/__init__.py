"""What people report of tools like this, tried on this one: one case a recipe."""

import epitoma.tracking  # noqa: F401  (before a module of this package imports MLflow, which then is quiet)
