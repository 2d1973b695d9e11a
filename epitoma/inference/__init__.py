"""Inference with a trained model: predictions, their explanations, and serving with MLflow."""
