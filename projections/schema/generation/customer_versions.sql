CREATE TABLE IF NOT EXISTS kipay.customer_versions_gN
(
    merchant_id Int64 COMMENT 'The merchant',
    created_at DateTime64(3, 'UTC') COMMENT 'When the customer was opened',
    id Int64 COMMENT 'The customer''s number',
    version UInt64 COMMENT 'The event''s position in the log',
    hash String COMMENT 'The keyed hash that names the customer''s stream',
    email String COMMENT 'Personal',
    first_name String COMMENT 'Personal',
    last_name String COMMENT 'Personal',
    phone String COMMENT 'Personal',
    search String COMMENT 'Personal: name, email and phone in lower case, one a line',
    updated_at DateTime64(3, 'UTC') COMMENT 'When the details became so'
)
ENGINE = ReplacingMergeTree
ORDER BY (merchant_id, created_at, id, version)
SETTINGS index_granularity = 1024, fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1, old_parts_lifetime = 60
COMMENT 'What each customer looked like after each change, for questions as of a moment; personal columns go with the customer''s own';
