"""Search spaces for sweeps; each is a module of its own."""
