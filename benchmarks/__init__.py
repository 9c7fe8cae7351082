"""Benchmarks: every figure is a ratio to something measured in the same run on the same machine, since machines differ and are noisy."""
