CREATE TABLE IF NOT EXISTS kipay.counters_gN
(
    merchant_id Int64 COMMENT 'The merchant',
    kind LowCardinality(String) COMMENT 'What is counted: transactions or customers',
    mode LowCardinality(String) COMMENT 'test or live; empty where both are counted together',
    status LowCardinality(String) COMMENT 'The status of what is counted; empty where there is none',
    day Date COMMENT 'The merchant''s calendar day on which what is counted was opened',
    value Int64 COMMENT 'How many there are',
    version UInt64 COMMENT 'Position in the log of the last event counted'
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (merchant_id, kind, mode, status, day)
SETTINGS index_granularity = 512, fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1
COMMENT 'How many there are of what lists show';
