"""What one logged step left behind, as plain data: what its tapes handed over, and the record."""
