"""Google Drive as the DVC remote: credentials, what its client's texts mean, and a look at it for the doctor."""
