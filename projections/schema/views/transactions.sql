CREATE OR REPLACE VIEW kipay.transactions
(
    id Int64 COMMENT 'The transaction''s number',
    reference String COMMENT 'Kipay''s name of the transaction',
    merchant_id Int64 COMMENT 'The merchant',
    mode LowCardinality(String) COMMENT 'test or live',
    status LowCardinality(String) COMMENT 'pending, completed or failed',
    currency LowCardinality(String) COMMENT 'ISO 4217',
    amount_minor Int64 COMMENT 'What was asked, in minor units',
    received_minor Int64 COMMENT 'What came, in minor units',
    credited_minor Int64 COMMENT 'What the merchant is credited, in minor units',
    surplus_minor Int64 COMMENT 'What came beyond what was asked, in minor units',
    refunded_minor Int64 COMMENT 'What has gone back, in minor units',
    payment_method LowCardinality(String) COMMENT 'How the money came; empty until it did',
    provider LowCardinality(String) COMMENT 'mpesa or paystack',
    origin LowCardinality(String) COMMENT 'checkout, push or c2b',
    channel_id Int64 COMMENT 'The payment channel',
    customer_id Int64 COMMENT 'The customer, 0 when the payer is not known',
    receipt String COMMENT 'The provider''s receipt of the first payment',
    failure_code LowCardinality(String) COMMENT 'Why it failed, for programs',
    failure_reason String COMMENT 'Why it failed, for people',
    created_at DateTime64(3, 'UTC') COMMENT 'When it was opened',
    paid_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When the money came by the provider''s clock',
    expires_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When it stops waiting',
    completed_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When it was first completed',
    updated_at DateTime64(3, 'UTC') COMMENT 'When it last changed',
    needs_review UInt8 COMMENT '1 when evidence contradicts other evidence and a person has to look',
    position UInt64 COMMENT 'Position in the log of the event that this row shows'
)
AS SELECT id, reference, merchant_id, mode, status, currency, amount_minor, received_minor, credited_minor, surplus_minor,
    refunded_minor,
    payment_method, provider, origin, channel_id, customer_id, receipt, failure_code, failure_reason, created_at,
    nullIf(paid_at, toDateTime64(0, 3, 'UTC')) AS paid_at,
    nullIf(expires_at, toDateTime64(0, 3, 'UTC')) AS expires_at,
    nullIf(completed_at, toDateTime64(0, 3, 'UTC')) AS completed_at,
    updated_at, needs_review, version AS position
FROM kipay.transactions_gN FINAL
WHERE listed = 1
COMMENT 'Payments, each once, as it is now; personal columns are left out';
