"""Packages of other trackers, the real ones, without a network: `tox run -e sinks`."""
