CREATE OR REPLACE VIEW kipay.refunds
(
    id Int64 COMMENT 'The refund''s number',
    refund_reference String COMMENT 'Kipay''s name of the refund',
    reference String COMMENT 'The transaction',
    merchant_id Int64 COMMENT 'The merchant',
    mode LowCardinality(String) COMMENT 'test or live',
    currency LowCardinality(String) COMMENT 'ISO 4217',
    amount_minor Int64 COMMENT 'What goes back, in minor units',
    status LowCardinality(String) COMMENT 'pending, completed or failed',
    method LowCardinality(String) COMMENT 'paystack, mpesa_reversal or mpesa_b2c',
    channel_id Int64 COMMENT 'The payment channel',
    receipt String COMMENT 'The provider''s receipt of the refund; empty until it names one',
    failure_code LowCardinality(String) COMMENT 'Why it failed, for programs',
    failure_reason String COMMENT 'Why it failed, for people',
    created_at DateTime64(3, 'UTC') COMMENT 'When it was asked for',
    refunded_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When the money had gone back',
    outcome_unknown UInt8 COMMENT '1 while the provider''s answer is lost',
    needs_attention String COMMENT 'Why a person has to look; empty when nobody has to',
    position UInt64 COMMENT 'Position in the log of the event that this row shows'
)
AS SELECT id, refund_reference, reference, merchant_id, mode, currency, amount_minor, status, method, channel_id, receipt, failure_code,
    failure_reason, created_at, nullIf(refunded_at, toDateTime64(0, 3, 'UTC')) AS refunded_at, outcome_unknown, needs_attention, version AS position
FROM kipay.refunds_gN FINAL
COMMENT 'Refunds, each once, as they are now';
