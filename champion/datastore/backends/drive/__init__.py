"""Google Drive as the remote."""
