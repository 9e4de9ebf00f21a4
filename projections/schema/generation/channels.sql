CREATE TABLE IF NOT EXISTS kipay.channels_gN
(
    merchant_id Int64 COMMENT 'The merchant',
    id Int64 COMMENT 'The channel''s number',
    version UInt64 COMMENT 'Position in the log of the event that this row shows',
    name String COMMENT 'The merchant''s name for it',
    provider LowCardinality(String) COMMENT 'mpesa or paystack',
    environment LowCardinality(String) COMMENT 'sandbox or production',
    currency LowCardinality(String) COMMENT 'The currency taken when a request names none',
    shortcode String COMMENT 'The M-Pesa shortcode',
    till_number String COMMENT 'The M-Pesa till',
    active UInt8 COMMENT '1 while it takes new payments',
    c2b_registered UInt8 COMMENT '1 once the provider sends its customer payments here',
    created_at DateTime64(3, 'UTC') COMMENT 'When it was opened',
    funds LowCardinality(String) COMMENT 'Whose money comes through it: merchant (its own account) or pool (the operator''s)'
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (merchant_id, id)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1
COMMENT 'Accounts at providers, without their secrets; which one is the default stands in merchants';
