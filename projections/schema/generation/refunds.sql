CREATE TABLE IF NOT EXISTS kipay.refunds_gN
(
    merchant_id Int64 COMMENT 'The merchant',
    mode LowCardinality(String) COMMENT 'test or live',
    created_at DateTime64(3, 'UTC') COMMENT 'When it was asked for',
    id Int64 COMMENT 'The refund''s number',
    version UInt64 COMMENT 'Position in the log of the event that this row shows',
    refund_reference String COMMENT 'Kipay''s name of the refund',
    reference String COMMENT 'The transaction',
    currency LowCardinality(String) COMMENT 'ISO 4217',
    amount_minor Int64 COMMENT 'What goes back, in minor units',
    status LowCardinality(String) COMMENT 'pending, completed or failed',
    method LowCardinality(String) COMMENT 'paystack, mpesa_reversal or mpesa_b2c',
    channel_id Int64 COMMENT 'The payment channel',
    receipt String COMMENT 'The provider''s receipt of the refund; empty until it names one',
    failure_code LowCardinality(String) COMMENT 'Why it failed, for programs',
    failure_reason String COMMENT 'Why it failed, for people',
    refunded_at DateTime64(3, 'UTC') COMMENT 'When the money had gone back; 1970 when it has not',
    outcome_unknown UInt8 COMMENT '1 while the provider''s answer is lost',
    needs_attention String COMMENT 'Why a person has to look; empty when nobody has to'
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (merchant_id, mode, created_at, id)
SETTINGS index_granularity = 1024, fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1
COMMENT 'Refunds, one row each';
