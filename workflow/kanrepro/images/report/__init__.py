"""Tables and figures of the image experiments, and their part of the page."""
