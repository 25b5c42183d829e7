"""What gtlog says, each thing once, and where in the user's program it points."""
