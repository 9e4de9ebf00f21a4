CREATE TABLE IF NOT EXISTS kipay.refund_versions_gN
(
    merchant_id Int64 COMMENT 'The merchant',
    mode LowCardinality(String) COMMENT 'test or live',
    created_at DateTime64(3, 'UTC') COMMENT 'When it was asked for',
    id Int64 COMMENT 'The refund''s number',
    version UInt64 COMMENT 'The event''s position in the log',
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
    needs_attention String COMMENT 'Why a person has to look; empty when nobody has to',
    effective_at DateTime64(3, 'UTC') COMMENT 'When it became so, by the provider''s clock where that is known'
)
ENGINE = ReplacingMergeTree
ORDER BY (merchant_id, mode, created_at, id, version)
SETTINGS index_granularity = 1024, fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1
COMMENT 'What each refund looked like after each of its events; never changed, for questions as of a moment';
