"""Scripts that measure tracemark on real clips and write the tables of docs/; run them as modules."""
