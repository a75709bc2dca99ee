"""Bundles of results for reviewers and archives, as RO-Crates (docs/bundle.md)."""
