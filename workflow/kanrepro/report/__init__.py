"""What is read by people, for every family: printed numbers, statistics, documents, rendering, style."""
