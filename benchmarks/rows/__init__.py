"""One module for each thing that is measured; `benchmarks.catalogue` lists the functions."""
