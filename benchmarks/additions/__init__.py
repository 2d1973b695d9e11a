"""Every addition to the paper's model on its own, and all of them together (see ``__main__.py``)."""
