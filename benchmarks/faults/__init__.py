"""Running training jobs, broken in every way that clusters do: one function a fault (see ``__main__.py``)."""
