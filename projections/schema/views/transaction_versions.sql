CREATE OR REPLACE VIEW kipay.transaction_versions
(
    reference String COMMENT 'The transaction',
    revision Int64 COMMENT 'The event''s revision in the transaction''s stream',
    position UInt64 COMMENT 'The event''s position in the log',
    merchant_id Int64 COMMENT 'The merchant',
    mode LowCardinality(String) COMMENT 'test or live',
    id Int64 COMMENT 'The transaction''s number',
    created_at DateTime64(3, 'UTC') COMMENT 'When the transaction was opened',
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
    paid_at DateTime64(3, 'UTC') COMMENT 'When the money came; 1970 when it had not',
    needs_review UInt8 COMMENT '1 from when a person has to look',
    merged_into String COMMENT 'The transaction that it is a part of',
    provider LowCardinality(String) COMMENT 'mpesa or paystack',
    origin LowCardinality(String) COMMENT 'checkout, push or c2b',
    channel_id Int64 COMMENT 'The payment channel',
    completed_at DateTime64(3, 'UTC') COMMENT 'When it was first completed; 1970 when it had not been',
    refunded_minor Int64 COMMENT 'What had gone back, in minor units'
)
AS SELECT reference, revision, position, merchant_id, mode, id, created_at, effective_at, occurred_at, recorded_at, event_type, status,
    listed, currency, amount_minor, received_minor, credited_minor, surplus_minor, payment_method, receipt,
    failure_code, paid_at, needs_review, merged_into, provider, origin, channel_id, completed_at, refunded_minor
FROM kipay.transaction_versions_gN FINAL
COMMENT 'What each payment looked like after each of its events';
