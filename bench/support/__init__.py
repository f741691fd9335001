"""What benchmarks share: servers, processes, figures."""
