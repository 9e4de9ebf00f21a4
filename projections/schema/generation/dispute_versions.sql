CREATE TABLE IF NOT EXISTS kipay.dispute_versions_gN
(
    merchant_id Int64 COMMENT 'The merchant',
    mode LowCardinality(String) COMMENT 'test or live',
    created_at DateTime64(3, 'UTC') COMMENT 'When the payer complained, by the provider''s clock',
    channel_id Int64 COMMENT 'The payment channel',
    id Int64 COMMENT 'The provider''s number of the dispute',
    version UInt64 COMMENT 'The event''s position in the log',
    reference String COMMENT 'The transaction; empty of a payment that Kipay did not take',
    provider_reference String COMMENT 'How the provider names the payment',
    currency LowCardinality(String) COMMENT 'ISO 4217; empty when the provider does not say',
    amount_minor Int64 COMMENT 'What the payer wants back, in minor units',
    category LowCardinality(String) COMMENT 'The provider''s word for the kind of complaint',
    status LowCardinality(String) COMMENT 'needs_response, under_review, won, lost or closed',
    due_at DateTime64(3, 'UTC') COMMENT 'Until when the merchant may answer; 1970 when the provider does not say',
    reminders Int64 COMMENT 'How often the provider has reminded',
    evidence Int64 COMMENT 'How often evidence was given and taken',
    answer LowCardinality(String) COMMENT 'accepted or declined, by the merchant; empty before',
    answer_status LowCardinality(String) COMMENT 'What the provider made of the answer: pending, taken, refused or unknown',
    resolution LowCardinality(String) COMMENT 'The provider''s word for how it ended',
    returned_minor Int64 COMMENT 'What went back to the payer, in minor units',
    resolved_at DateTime64(3, 'UTC') COMMENT 'When it ended; 1970 while it has not',
    needs_attention String COMMENT 'Why a person has to look; empty when nobody has to',
    effective_at DateTime64(3, 'UTC') COMMENT 'When it became so, by the provider''s clock where that is known'
)
ENGINE = ReplacingMergeTree
ORDER BY (merchant_id, mode, created_at, channel_id, id, version)
SETTINGS index_granularity = 1024, fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1
COMMENT 'What each dispute looked like after each of its events; never changed, for questions as of a moment';
