"""MNIST superpixels: images to graphs, semi-supervised classification, retrieval."""
