"""What people report of tools like this, tried on this one: one case a recipe."""
