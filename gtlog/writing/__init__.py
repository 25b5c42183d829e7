"""From the record of a step to where its values are written."""
