"""How kernels relate to each other: what feeds what, whose rate rises, what leaps together."""
