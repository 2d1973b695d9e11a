"""MLflow: runs, a journal that outlives an outage of the server, and models in MLflow's form."""

from epitoma.tracking.environment import prepare_environment

# Here, because nothing of this package, and so nothing that imports MLflow, is imported before it.
prepare_environment()
