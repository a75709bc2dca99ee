"""What every stage leans on: files, errors, locks, resuming, downloads, records, catalogues, provenance."""
