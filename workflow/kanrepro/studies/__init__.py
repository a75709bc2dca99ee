"""Across families: sensitivity to hyperparameters, and what trained encoders look like inside."""
