"""What healthy runs do that looks odd, kind by kind."""
