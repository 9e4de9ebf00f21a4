CREATE TABLE IF NOT EXISTS kipay.merchants_gN
(
    id Int64 COMMENT 'The merchant''s number',
    version UInt64 COMMENT 'Position in the log of the event that this row shows',
    name String COMMENT 'The business name',
    time_zone LowCardinality(String) COMMENT 'Where the merchant''s calendar days are counted',
    default_channel_id Int64 COMMENT 'The channel used when a request names none, 0 for none',
    created_at DateTime64(3, 'UTC') COMMENT 'When the merchant was opened'
)
ENGINE = ReplacingMergeTree(version)
ORDER BY id
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1
COMMENT 'Merchants, one row each';
