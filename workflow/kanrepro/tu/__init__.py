"""Unsupervised learning on TU graph sets: frozen embeddings, classified by an SVM."""
