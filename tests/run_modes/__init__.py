"""The ways to run a step, each held to the events of the eager run: docs/project/run-modes."""
