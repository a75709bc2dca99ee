"""One self-contained HTML report over all families."""
