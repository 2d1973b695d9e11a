"""A trained model measured at every budget: its tradeoff of score and computation, and which timesteps it chose."""
