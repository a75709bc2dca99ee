"""What trained encoders look like inside."""
