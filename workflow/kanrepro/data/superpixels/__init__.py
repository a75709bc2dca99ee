"""Images become graphs of superpixels."""
