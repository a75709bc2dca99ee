"""Khan-GCL and DEQ-KAN, reproduced: KAN layers, graph contrastive learning, and the stages of one workflow."""
