"""Several processes behind one port: a supervisor that accepts, and workers that serve."""
