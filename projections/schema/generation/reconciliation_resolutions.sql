CREATE TABLE IF NOT EXISTS kipay.reconciliation_resolutions_gN
(
    merchant_id Int64 COMMENT 'The merchant',
    mode LowCardinality(String) COMMENT 'test or live',
    import_id Int64 COMMENT 'The import',
    n UInt32 COMMENT 'Place of the difference in its import, from 1',
    version UInt64 COMMENT 'Position in the log of the decision',
    action LowCardinality(String) COMMENT 'recorded, suspended, credit, write_off, return or accept',
    resolved_to String COMMENT 'The transaction that the money is counted for',
    resolved_by String COMMENT 'Who decided',
    reason String COMMENT 'Personal: why, in that person''s words',
    resolved_at DateTime64(3, 'UTC') COMMENT 'When it was decided',
    sealed_by String COMMENT 'The name of the key that seals the reason in the log'
)
ENGINE = ReplacingMergeTree
ORDER BY (merchant_id, mode, import_id, n, version)
SETTINGS index_granularity = 1024, fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1
COMMENT 'What was decided about differences; of the decisions about one the newest counts';
