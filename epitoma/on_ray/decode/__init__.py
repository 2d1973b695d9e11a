"""Decoding with Ray Data: the frames of a schedule for training, sparse frames for prediction."""
