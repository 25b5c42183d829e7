"""One logged step as plain data: what its tapes handed over, and the record."""
