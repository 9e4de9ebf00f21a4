CREATE TABLE IF NOT EXISTS kipay.events_gN
(
    position UInt64 COMMENT 'Place in the log',
    stream String COMMENT 'The stream',
    revision Int64 COMMENT 'Place in the stream, from 0',
    id UUID COMMENT 'The event''s id',
    type LowCardinality(String) COMMENT 'What happened',
    version UInt16 COMMENT 'Version of the type''s wire form',
    occurred_at DateTime64(3, 'UTC') COMMENT 'When it happened, by our clock',
    recorded_at DateTime64(3, 'UTC') COMMENT 'When the log recorded it',
    actor String COMMENT 'Who did it',
    merchant_id Int64 COMMENT 'The merchant, 0 for the install''s own',
    correlation_id String COMMENT 'Shared by all that one request set off',
    causation_id String COMMENT 'What it follows from directly',
    data String COMMENT 'The event as it stands in the log: JSON, personal fields sealed',
    metadata String COMMENT 'The metadata as it stands in the log: JSON',
    mode LowCardinality(String) COMMENT 'test or live for payments and their receipts; empty for what is the merchant''s in both',
    INDEX by_stream stream TYPE bloom_filter(0.01) GRANULARITY 4,
    INDEX by_recorded recorded_at TYPE minmax GRANULARITY 1,
    INDEX by_correlation correlation_id TYPE bloom_filter(0.01) GRANULARITY 4
)
ENGINE = ReplacingMergeTree
ORDER BY position
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1
COMMENT 'Every event of the log, sealed as it stands there';
