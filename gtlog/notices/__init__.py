"""How something is said once, and where in the program of the user it points."""
