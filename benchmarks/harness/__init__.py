"""What the benchmarks share: processes, load, counting, instances, tables."""
