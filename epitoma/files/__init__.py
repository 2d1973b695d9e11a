"""How anything gets to a disk or from one: whole or not at all, from allowed folders, of nobody else's making."""
