"""epitoma: recognise minutes-long actions by looking closely at a few timesteps."""
