"""DEQ-KAN on medical images: fetch, prepare, split, classify, assess."""
