CREATE TABLE IF NOT EXISTS kipay.transaction_versions_gN
(
    merchant_id Int64 COMMENT 'The merchant',
    mode LowCardinality(String) COMMENT 'test or live',
    created_at DateTime64(3, 'UTC') COMMENT 'When the transaction was opened',
    id Int64 COMMENT 'The transaction''s number',
    position UInt64 COMMENT 'The event''s position in the log',
    reference String COMMENT 'The transaction',
    revision Int64 COMMENT 'The event''s revision in the transaction''s stream',
    effective_at DateTime64(3, 'UTC') COMMENT 'When it happened, by the provider''s clock where that is known',
    occurred_at DateTime64(3, 'UTC') COMMENT 'When the event happened, by our clock',
    recorded_at DateTime64(3, 'UTC') COMMENT 'When the log recorded it',
    event_type LowCardinality(String) COMMENT 'What happened',
    status LowCardinality(String) COMMENT 'The status from then on',
    listed UInt8 COMMENT '0 from when it is part of another transaction',
    currency LowCardinality(String) COMMENT 'ISO 4217',
    amount_minor Int64 COMMENT 'What was asked, in minor units',
    received_minor Int64 COMMENT 'What had come, in minor units',
    credited_minor Int64 COMMENT 'What the merchant was credited, in minor units',
    surplus_minor Int64 COMMENT 'What had come beyond what was asked, in minor units',
    payment_method LowCardinality(String) COMMENT 'How the money came; empty until it did',
    receipt String COMMENT 'The provider''s receipt',
    failure_code LowCardinality(String) COMMENT 'Why it failed',
    failure_reason String COMMENT 'Why it failed, for people',
    pushes UInt16 COMMENT 'How many pushes had been asked for',
    push_accepted UInt8 COMMENT '1 when the newest of them had been taken by the provider',
    paid_at DateTime64(3, 'UTC') COMMENT 'When the money came; 1970 when it had not',
    needs_review UInt8 COMMENT '1 from when a person has to look',
    merged_into String COMMENT 'The transaction that it is a part of',
    provider LowCardinality(String) COMMENT 'mpesa or paystack',
    origin LowCardinality(String) COMMENT 'checkout, push or c2b',
    channel_id Int64 COMMENT 'The payment channel',
    completed_at DateTime64(3, 'UTC') COMMENT 'When it was first completed; 1970 when it had not been',
    refunded_minor Int64 COMMENT 'What had gone back, in minor units',
    INDEX by_position position TYPE minmax GRANULARITY 1,
    INDEX by_effective effective_at TYPE minmax GRANULARITY 1,
    INDEX by_reference reference TYPE bloom_filter(0.01) GRANULARITY 4
)
ENGINE = ReplacingMergeTree
ORDER BY (merchant_id, mode, created_at, id, position)
SETTINGS index_granularity = 2048, fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1
COMMENT 'What each payment looked like after each of its events; never changed, for questions as of a moment';
