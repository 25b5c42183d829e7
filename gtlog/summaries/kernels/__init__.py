"""Kernels as pictures: which variables are drawn, in which layout, in which colours."""
