"""Real trainings with planted faults, and healthy ones that are hard to tell from them.

    python -m benchmarks.faults --set held_out --misses

Each run is trained once, by the product itself; what its event files hold is then judged by
`gtlog.diagnosis` and by the published rules. See `docs/diagnosis/benchmark.md`.
"""
