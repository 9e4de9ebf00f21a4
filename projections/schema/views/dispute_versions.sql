CREATE OR REPLACE VIEW kipay.dispute_versions
(
    id Int64 COMMENT 'The provider''s number of the dispute',
    reference String COMMENT 'The transaction; empty of a payment that Kipay did not take',
    provider_reference String COMMENT 'How the provider names the payment',
    merchant_id Int64 COMMENT 'The merchant',
    mode LowCardinality(String) COMMENT 'test or live',
    channel_id Int64 COMMENT 'The payment channel',
    currency LowCardinality(String) COMMENT 'ISO 4217; empty when the provider does not say',
    amount_minor Int64 COMMENT 'What the payer wants back, in minor units',
    category LowCardinality(String) COMMENT 'The provider''s word for the kind of complaint',
    status LowCardinality(String) COMMENT 'needs_response, under_review, won, lost or closed',
    due_at Nullable(DateTime64(3, 'UTC')) COMMENT 'Until when the merchant may answer',
    reminders Int64 COMMENT 'How often the provider has reminded',
    evidence Int64 COMMENT 'How often evidence was given and taken',
    answer LowCardinality(String) COMMENT 'accepted or declined, by the merchant; empty before',
    answer_status LowCardinality(String) COMMENT 'What the provider made of the answer: pending, taken, refused or unknown',
    resolution LowCardinality(String) COMMENT 'The provider''s word for how it ended',
    returned_minor Int64 COMMENT 'What went back to the payer, in minor units',
    created_at DateTime64(3, 'UTC') COMMENT 'When the payer complained, by the provider''s clock',
    resolved_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When it ended',
    needs_attention String COMMENT 'Why a person has to look; empty when nobody has to',
    effective_at DateTime64(3, 'UTC') COMMENT 'When it became so, by the provider''s clock where that is known',
    position UInt64 COMMENT 'The event''s position in the log'
)
AS SELECT id, reference, provider_reference, merchant_id, mode, channel_id, currency, amount_minor, category, status,
    nullIf(due_at, toDateTime64(0, 3, 'UTC')) AS due_at,
    reminders, evidence, answer, answer_status, resolution, returned_minor, created_at,
    nullIf(resolved_at, toDateTime64(0, 3, 'UTC')) AS resolved_at, needs_attention, effective_at, version AS position
FROM kipay.dispute_versions_gN FINAL
COMMENT 'What each dispute looked like after each of its events';
