"""What is read by people: statistics, tables, figures and the page. It reads records and printed numbers only."""
