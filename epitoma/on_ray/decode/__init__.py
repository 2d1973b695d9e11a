"""Ray Data decodes videos: what a schedule says for training, sparsely for prediction."""
