CREATE TABLE IF NOT EXISTS kipay.reconciliation_differences_gN
(
    merchant_id Int64 COMMENT 'The merchant',
    mode LowCardinality(String) COMMENT 'test or live',
    import_id Int64 COMMENT 'The import',
    n UInt32 COMMENT 'Place among the import''s differences, from 1',
    version UInt64 COMMENT 'Position in the log of the event that found it',
    id Int64 COMMENT 'The difference''s number',
    channel_id Int64 COMMENT 'The payment channel, 0 for a bank account',
    identity String COMMENT 'What it is about: the same in every import that shows it',
    cause LowCardinality(String) COMMENT 'Why statement and books differ',
    rule LowCardinality(String) COMMENT 'The rule that decided',
    found_as LowCardinality(String) COMMENT 'open or explained, before anything was decided',
    line_number UInt32 COMMENT 'The line in the file, 0 for what only the books have',
    line_kind LowCardinality(String) COMMENT 'What the line is',
    receipt String COMMENT 'The provider''s receipt',
    entry LowCardinality(String) COMMENT 'What of the books it is about: payment, fee, refund or payout',
    reference String COMMENT 'Kipay''s name of that',
    candidates String COMMENT 'What else it might be about, separated by spaces',
    event_ids String COMMENT 'The events behind it, separated by spaces',
    currency LowCardinality(String) COMMENT 'ISO 4217',
    amount_minor Int64 COMMENT 'What it adds to statement less books, in minor units',
    stated_minor Int64 COMMENT 'What the statement shows, in minor units',
    booked_minor Int64 COMMENT 'What the books count, in minor units',
    at DateTime64(3, 'UTC') COMMENT 'By the provider''s clock; 1970 when it has no time',
    explanation String COMMENT 'The cause in words',
    line String COMMENT 'Personal: the line as it stands in the file, as JSON; empty where it is not kept',
    sealed_by String COMMENT 'The name of the key that seals the line in the log'
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (merchant_id, mode, import_id, n)
SETTINGS index_granularity = 1024, fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1
COMMENT 'Where statements and books differ, one row each';
