CREATE TABLE IF NOT EXISTS kipay.ledger_entries_gN
(
    merchant_id Int64 COMMENT 'The merchant',
    mode LowCardinality(String) COMMENT 'test or live',
    position UInt64 COMMENT 'Position in the log of the event that made the posting',
    line UInt8 COMMENT 'Place among the event''s postings, from 0',
    id Int64 COMMENT 'The posting''s number: 16 times the position, and the line',
    event_id UUID COMMENT 'The event''s id',
    event_type LowCardinality(String) COMMENT 'What happened',
    reference String COMMENT 'The transaction',
    account LowCardinality(String) COMMENT 'The account of the chart',
    currency LowCardinality(String) COMMENT 'ISO 4217',
    channel_id Int64 COMMENT 'The payment channel where the money is',
    debit_minor Int64 COMMENT 'In minor units; 0 where it is a credit',
    credit_minor Int64 COMMENT 'In minor units; 0 where it is a debit',
    effective_at DateTime64(3, 'UTC') COMMENT 'When it happened, by the provider''s clock where that is known',
    recorded_at DateTime64(3, 'UTC') COMMENT 'When the log recorded it',
    period UInt32 COMMENT 'The month in which it is booked, year times 100 and month',
    late_for UInt32 COMMENT 'The month in which it happened, where that was closed before it was known; else 0',
    INDEX by_reference reference TYPE bloom_filter(0.01) GRANULARITY 4,
    INDEX by_effective effective_at TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree
ORDER BY (merchant_id, mode, position, line)
SETTINGS index_granularity = 2048, fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1
COMMENT 'The postings of every event that moved money; never changed';
