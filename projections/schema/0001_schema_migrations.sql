CREATE DATABASE IF NOT EXISTS kipay;

CREATE TABLE IF NOT EXISTS kipay.schema_migrations
(
    number UInt32 COMMENT 'The number in the file name',
    name String COMMENT 'The file name',
    checksum String COMMENT 'SHA-256 of the file as it was applied, in hex',
    applied_at DateTime64(3, 'UTC') COMMENT 'When it was applied'
)
ENGINE = ReplacingMergeTree
ORDER BY number
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1
COMMENT 'Which migrations of the bookkeeping were applied';
