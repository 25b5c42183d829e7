"""The tests of single rooms, which need no training: less than a minute."""
