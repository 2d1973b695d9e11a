"""The selector against every other way to choose timesteps (see ``__main__.py``)."""
