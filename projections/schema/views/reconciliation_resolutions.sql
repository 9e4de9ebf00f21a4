CREATE OR REPLACE VIEW kipay.reconciliation_resolutions
(
    import_id Int64 COMMENT 'The import',
    n UInt32 COMMENT 'Place of the difference in its import, from 1',
    merchant_id Int64 COMMENT 'The merchant',
    mode LowCardinality(String) COMMENT 'test or live',
    action LowCardinality(String) COMMENT 'recorded, suspended, credit, write_off, return or accept',
    resolved_to String COMMENT 'The transaction that the money is counted for',
    resolved_by String COMMENT 'Who decided',
    reason String COMMENT 'Personal: why, in that person''s words',
    resolved_at DateTime64(3, 'UTC') COMMENT 'When it was decided',
    position UInt64 COMMENT 'Position in the log of the decision'
)
AS SELECT import_id, n, merchant_id, mode, action, resolved_to, resolved_by, reason, resolved_at, version AS position
FROM (SELECT * FROM kipay.reconciliation_resolutions_gN ORDER BY version DESC LIMIT 1 BY merchant_id, mode, import_id, n)
COMMENT 'The newest decision about each difference; reconciliation_differences shows it beside the difference';
