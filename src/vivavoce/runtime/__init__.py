"""Ring 2: the async shell around the machine: the only clock, threads and tasks."""
