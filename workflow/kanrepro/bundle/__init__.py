"""Results as one file for reviewers (RO-Crates, docs/bundle.md), and the workflow as one for machines offline."""
