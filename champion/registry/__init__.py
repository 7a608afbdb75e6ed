"""Which version is champion: records, promotion, reconciliation, rollback."""
