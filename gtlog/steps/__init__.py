"""One step while it runs, in each way to run one, and what it sees of its tapes."""
