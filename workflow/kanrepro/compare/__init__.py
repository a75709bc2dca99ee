"""What came out beside what came out before: a number made again from its record, and tables cell by cell."""
