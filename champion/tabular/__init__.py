"""Tables read and written, whole or streamed."""
