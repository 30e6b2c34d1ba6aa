"""How well a version did with real customers, told from the outcomes of those who were asked."""
