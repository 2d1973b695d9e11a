"""Valid videos, damaged in many ways and decoded: none may do harm (see ``__main__.py``)."""
