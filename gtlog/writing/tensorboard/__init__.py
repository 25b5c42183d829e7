"""Event files, and the bytes of an event."""
