"""Pre-training of graph encoders: settings, the set that is seen, the loop, the stage."""
