"""Transfer learning on molecules: pre-train on ZINC, fine-tune on MoleculeNet."""
