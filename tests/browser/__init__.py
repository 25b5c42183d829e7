"""The page in a real browser: what is drawn, and what clicks and keys do."""
