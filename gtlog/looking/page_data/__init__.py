"""What the page reads: numbers of runs in few bytes.

`codes` makes numbers small, `bins` many steps few, `details` has histograms and pictures, and
`container` holds all of it. `docs/looking/data.md` describes the format.
"""
