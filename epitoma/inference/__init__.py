"""A trained model asked about videos: predictions, what they went by, and serving them."""
