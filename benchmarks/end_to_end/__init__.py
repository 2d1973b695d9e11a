"""Whether training end to end chooses better timesteps (see ``__main__.py``)."""
