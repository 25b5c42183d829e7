"""One look at a run in a terminal: findings, losses, the worst variables and their sparklines."""
