"""MLflow: runs, a journal that outlives an outage of the server, and models in MLflow's form."""
