CREATE DATABASE IF NOT EXISTS kipay ON CLUSTER 'kipay';

CREATE TABLE IF NOT EXISTS kipay.schema_migrations ON CLUSTER 'kipay'
(
    number UInt32 COMMENT 'The number in the file name',
    name String COMMENT 'The file name',
    checksum String COMMENT 'SHA-256 of the file as it was applied, in hex',
    applied_at DateTime64(3, 'UTC') COMMENT 'When it was applied'
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/kipay/schema_migrations', '{shard}-{replica}')
ORDER BY number
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1
COMMENT 'Which migrations of the bookkeeping were applied';

CREATE TABLE IF NOT EXISTS kipay.generations ON CLUSTER 'kipay'
(
    sequence UInt64 COMMENT 'Grows with every line: nanoseconds since 1970 when it was written',
    generation UInt32 COMMENT 'The number that the tables of the generation end in',
    state LowCardinality(String) COMMENT 'building, serving or dropped; the newest line with serving says which one serves',
    layout UInt32 COMMENT 'The version of the tables'' layout',
    position UInt64 COMMENT 'How far in the log the generation was when the line was written',
    at DateTime64(3, 'UTC') COMMENT 'When the line was written'
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/kipay/generations', '{shard}-{replica}')
ORDER BY (sequence, generation, state)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1
COMMENT 'The life of each generation of tables';

CREATE TABLE IF NOT EXISTS kipay.checkpoints ON CLUSTER 'kipay'
(
    generation UInt32 COMMENT 'The generation that has come this far',
    position UInt64 COMMENT 'Every event at or before this position of the log is in the tables',
    stored_at DateTime64(3, 'UTC') COMMENT 'When it was stored'
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/kipay/checkpoints', '{shard}-{replica}', position)
ORDER BY generation
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1
COMMENT 'How far each generation has come in the log; stored after the rows that it covers';

CREATE TABLE IF NOT EXISTS kipay.progress ON CLUSTER 'kipay'
(
    generation UInt32 COMMENT 'The generation whose lists have come this far',
    position UInt64 COMMENT 'Lists show every event at or before this position of the log',
    told_at DateTime64(3, 'UTC') COMMENT 'When it was told'
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/kipay/progress', '{shard}-{replica}', position)
ORDER BY generation
COMMENT 'How far lists have come, for nodes that do not project; a projection that starts goes by checkpoints';

CREATE TABLE IF NOT EXISTS kipay.shard_channels_g1 ON CLUSTER 'kipay'
(
    merchant_id Int64 COMMENT 'The merchant',
    id Int64 COMMENT 'The channel''s number',
    version UInt64 COMMENT 'Position in the log of the event that this row shows',
    name String COMMENT 'The merchant''s name for it',
    provider LowCardinality(String) COMMENT 'mpesa or paystack',
    environment LowCardinality(String) COMMENT 'sandbox or production',
    currency LowCardinality(String) COMMENT 'The currency taken when a request names none',
    shortcode String COMMENT 'The M-Pesa shortcode',
    till_number String COMMENT 'The M-Pesa till',
    active UInt8 COMMENT '1 while it takes new payments',
    c2b_registered UInt8 COMMENT '1 once the provider sends its customer payments here',
    created_at DateTime64(3, 'UTC') COMMENT 'When it was opened',
    funds LowCardinality(String) COMMENT 'Whose money comes through it: merchant (its own account) or pool (the operator''s)'
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/kipay/channels_g1', '{replica}', version)
ORDER BY (merchant_id, id)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1
COMMENT 'Accounts at providers, without their secrets; which one is the default stands in merchants';

CREATE TABLE IF NOT EXISTS kipay.channels_g1 ON CLUSTER 'kipay' AS kipay.shard_channels_g1
ENGINE = Distributed('kipay', 'kipay', 'shard_channels_g1', cityHash64(merchant_id))
COMMENT 'Accounts at providers, without their secrets; which one is the default stands in merchants';

CREATE TABLE IF NOT EXISTS kipay.shard_counters_g1 ON CLUSTER 'kipay'
(
    merchant_id Int64 COMMENT 'The merchant',
    kind LowCardinality(String) COMMENT 'What is counted: transactions or customers',
    mode LowCardinality(String) COMMENT 'test or live; empty where both are counted together',
    status LowCardinality(String) COMMENT 'The status of what is counted; empty where there is none',
    day Date COMMENT 'The merchant''s calendar day on which what is counted was opened',
    value Int64 COMMENT 'How many there are',
    version UInt64 COMMENT 'Position in the log of the last event counted'
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/kipay/counters_g1', '{replica}', version)
ORDER BY (merchant_id, kind, mode, status, day)
SETTINGS index_granularity = 512, fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1
COMMENT 'How many there are of what lists show';

CREATE TABLE IF NOT EXISTS kipay.counters_g1 ON CLUSTER 'kipay' AS kipay.shard_counters_g1
ENGINE = Distributed('kipay', 'kipay', 'shard_counters_g1', cityHash64(merchant_id))
COMMENT 'How many there are of what lists show';

CREATE TABLE IF NOT EXISTS kipay.shard_customer_versions_g1 ON CLUSTER 'kipay'
(
    merchant_id Int64 COMMENT 'The merchant',
    created_at DateTime64(3, 'UTC') COMMENT 'When the customer was opened',
    id Int64 COMMENT 'The customer''s number',
    version UInt64 COMMENT 'The event''s position in the log',
    hash String COMMENT 'The keyed hash that names the customer''s stream',
    email String COMMENT 'Personal',
    first_name String COMMENT 'Personal',
    last_name String COMMENT 'Personal',
    phone String COMMENT 'Personal',
    search String COMMENT 'Personal: name, email and phone in lower case, one a line',
    updated_at DateTime64(3, 'UTC') COMMENT 'When the details became so'
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/kipay/customer_versions_g1', '{replica}')
ORDER BY (merchant_id, created_at, id, version)
SETTINGS index_granularity = 1024, fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1, old_parts_lifetime = 60
COMMENT 'What each customer looked like after each change, for questions as of a moment; personal columns go with the customer''s own';

CREATE TABLE IF NOT EXISTS kipay.customer_versions_g1 ON CLUSTER 'kipay' AS kipay.shard_customer_versions_g1
ENGINE = Distributed('kipay', 'kipay', 'shard_customer_versions_g1', cityHash64(merchant_id))
COMMENT 'What each customer looked like after each change, for questions as of a moment; personal columns go with the customer''s own';

CREATE TABLE IF NOT EXISTS kipay.shard_customers_g1 ON CLUSTER 'kipay'
(
    merchant_id Int64 COMMENT 'The merchant',
    created_at DateTime64(3, 'UTC') COMMENT 'When the customer was opened',
    id Int64 COMMENT 'The customer''s number',
    version UInt64 COMMENT 'Position in the log of the event that this row shows',
    hash String COMMENT 'The keyed hash that names the customer''s stream',
    email String COMMENT 'Personal',
    first_name String COMMENT 'Personal',
    last_name String COMMENT 'Personal',
    phone String COMMENT 'Personal',
    search String COMMENT 'Personal: name, email and phone in lower case, one a line',
    updated_at DateTime64(3, 'UTC') COMMENT 'When the details last changed'
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/kipay/customers_g1', '{replica}', version)
ORDER BY (merchant_id, created_at, id)
SETTINGS index_granularity = 1024, fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1, old_parts_lifetime = 60
COMMENT 'The merchants'' customers, one row each';

CREATE TABLE IF NOT EXISTS kipay.customers_g1 ON CLUSTER 'kipay' AS kipay.shard_customers_g1
ENGINE = Distributed('kipay', 'kipay', 'shard_customers_g1', cityHash64(merchant_id))
COMMENT 'The merchants'' customers, one row each';

CREATE TABLE IF NOT EXISTS kipay.shard_dispute_versions_g1 ON CLUSTER 'kipay'
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
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/kipay/dispute_versions_g1', '{replica}')
ORDER BY (merchant_id, mode, created_at, channel_id, id, version)
SETTINGS index_granularity = 1024, fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1
COMMENT 'What each dispute looked like after each of its events; never changed, for questions as of a moment';

CREATE TABLE IF NOT EXISTS kipay.dispute_versions_g1 ON CLUSTER 'kipay' AS kipay.shard_dispute_versions_g1
ENGINE = Distributed('kipay', 'kipay', 'shard_dispute_versions_g1', cityHash64(merchant_id))
COMMENT 'What each dispute looked like after each of its events; never changed, for questions as of a moment';

CREATE TABLE IF NOT EXISTS kipay.shard_disputes_g1 ON CLUSTER 'kipay'
(
    merchant_id Int64 COMMENT 'The merchant',
    mode LowCardinality(String) COMMENT 'test or live',
    created_at DateTime64(3, 'UTC') COMMENT 'When the payer complained, by the provider''s clock',
    channel_id Int64 COMMENT 'The payment channel',
    id Int64 COMMENT 'The provider''s number of the dispute',
    version UInt64 COMMENT 'Position in the log of the event that this row shows',
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
    needs_attention String COMMENT 'Why a person has to look; empty when nobody has to'
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/kipay/disputes_g1', '{replica}', version)
ORDER BY (merchant_id, mode, created_at, channel_id, id)
SETTINGS index_granularity = 1024, fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1
COMMENT 'Disputes, one row each';

CREATE TABLE IF NOT EXISTS kipay.disputes_g1 ON CLUSTER 'kipay' AS kipay.shard_disputes_g1
ENGINE = Distributed('kipay', 'kipay', 'shard_disputes_g1', cityHash64(merchant_id))
COMMENT 'Disputes, one row each';

CREATE TABLE IF NOT EXISTS kipay.shard_events_g1 ON CLUSTER 'kipay'
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
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/kipay/events_g1', '{replica}')
ORDER BY position
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1
COMMENT 'Every event of the log, sealed as it stands there';

CREATE TABLE IF NOT EXISTS kipay.events_g1 ON CLUSTER 'kipay' AS kipay.shard_events_g1
ENGINE = Distributed('kipay', 'kipay', 'shard_events_g1', cityHash64(merchant_id))
COMMENT 'Every event of the log, sealed as it stands there';

CREATE TABLE IF NOT EXISTS kipay.shard_ledger_entries_g1 ON CLUSTER 'kipay'
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
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/kipay/ledger_entries_g1', '{replica}')
ORDER BY (merchant_id, mode, position, line)
SETTINGS index_granularity = 2048, fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1
COMMENT 'The postings of every event that moved money; never changed';

CREATE TABLE IF NOT EXISTS kipay.ledger_entries_g1 ON CLUSTER 'kipay' AS kipay.shard_ledger_entries_g1
ENGINE = Distributed('kipay', 'kipay', 'shard_ledger_entries_g1', cityHash64(merchant_id))
COMMENT 'The postings of every event that moved money; never changed';

CREATE TABLE IF NOT EXISTS kipay.shard_merchants_g1 ON CLUSTER 'kipay'
(
    id Int64 COMMENT 'The merchant''s number',
    version UInt64 COMMENT 'Position in the log of the event that this row shows',
    name String COMMENT 'The business name',
    time_zone LowCardinality(String) COMMENT 'Where the merchant''s calendar days are counted',
    default_channel_id Int64 COMMENT 'The channel used when a request names none, 0 for none',
    created_at DateTime64(3, 'UTC') COMMENT 'When the merchant was opened'
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/kipay/merchants_g1', '{replica}', version)
ORDER BY id
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1
COMMENT 'Merchants, one row each';

CREATE TABLE IF NOT EXISTS kipay.merchants_g1 ON CLUSTER 'kipay' AS kipay.shard_merchants_g1
ENGINE = Distributed('kipay', 'kipay', 'shard_merchants_g1', cityHash64(id))
COMMENT 'Merchants, one row each';

CREATE TABLE IF NOT EXISTS kipay.shard_payout_versions_g1 ON CLUSTER 'kipay'
(
    merchant_id Int64 COMMENT 'The merchant',
    mode LowCardinality(String) COMMENT 'test or live',
    created_at DateTime64(3, 'UTC') COMMENT 'When it was asked for',
    id Int64 COMMENT 'The payout''s number',
    version UInt64 COMMENT 'The event''s position in the log',
    reference String COMMENT 'Kipay''s name of the payout, and M-Pesa''s',
    currency LowCardinality(String) COMMENT 'ISO 4217',
    amount_minor Int64 COMMENT 'What is paid out, in minor units',
    paid_minor Int64 COMMENT 'What was paid, by the provider''s word, in minor units; 0 before',
    status LowCardinality(String) COMMENT 'awaiting_approval, approved, sent, completed, failed or rejected',
    method LowCardinality(String) COMMENT 'mpesa_b2c or manual',
    channel_id Int64 COMMENT 'The payment channel whose money it is',
    destination LowCardinality(String) COMMENT 'phone, bank or till',
    destination_hint String COMMENT 'The last figures of where it goes',
    needs_approval UInt8 COMMENT '1 when a second person has to agree',
    requested_by String COMMENT 'Who asked for it',
    approved_by String COMMENT 'Who agreed; empty when nobody had to, or has',
    rejected_by String COMMENT 'Who stopped it; empty when nobody has',
    sent_at DateTime64(3, 'UTC') COMMENT 'When the provider was asked; 1970 when it was not',
    paid_at DateTime64(3, 'UTC') COMMENT 'When the money had arrived; 1970 when it has not',
    receipt String COMMENT 'The provider''s receipt; empty until it names one',
    charge_minor Int64 COMMENT 'What the provider took for it, in minor units, as far as it has said',
    bank_reference String COMMENT 'The bank''s reference of a transfer that a person made',
    value_date String COMMENT 'The bank''s day of that transfer, such as 2026-10-31',
    failure_code LowCardinality(String) COMMENT 'Why it failed, for programs',
    failure_reason String COMMENT 'Why it failed, for people',
    outcome_unknown UInt8 COMMENT '1 while the provider''s answer is lost',
    needs_attention String COMMENT 'Why a person has to look; empty when nobody has to',
    effective_at DateTime64(3, 'UTC') COMMENT 'When it became so, by the clock of whoever paid where that is known'
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/kipay/payout_versions_g1', '{replica}')
ORDER BY (merchant_id, mode, created_at, id, version)
SETTINGS index_granularity = 1024, fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1
COMMENT 'What each payout looked like after each of its events; never changed, for questions as of a moment';

CREATE TABLE IF NOT EXISTS kipay.payout_versions_g1 ON CLUSTER 'kipay' AS kipay.shard_payout_versions_g1
ENGINE = Distributed('kipay', 'kipay', 'shard_payout_versions_g1', cityHash64(merchant_id))
COMMENT 'What each payout looked like after each of its events; never changed, for questions as of a moment';

CREATE TABLE IF NOT EXISTS kipay.shard_payouts_g1 ON CLUSTER 'kipay'
(
    merchant_id Int64 COMMENT 'The merchant',
    mode LowCardinality(String) COMMENT 'test or live',
    created_at DateTime64(3, 'UTC') COMMENT 'When it was asked for',
    id Int64 COMMENT 'The payout''s number',
    version UInt64 COMMENT 'Position in the log of the event that this row shows',
    reference String COMMENT 'Kipay''s name of the payout, and M-Pesa''s',
    currency LowCardinality(String) COMMENT 'ISO 4217',
    amount_minor Int64 COMMENT 'What is paid out, in minor units',
    paid_minor Int64 COMMENT 'What was paid, by the provider''s word, in minor units; 0 before',
    status LowCardinality(String) COMMENT 'awaiting_approval, approved, sent, completed, failed or rejected',
    method LowCardinality(String) COMMENT 'mpesa_b2c or manual',
    channel_id Int64 COMMENT 'The payment channel whose money it is',
    destination LowCardinality(String) COMMENT 'phone, bank or till',
    destination_hint String COMMENT 'The last figures of where it goes',
    needs_approval UInt8 COMMENT '1 when a second person has to agree',
    requested_by String COMMENT 'Who asked for it',
    approved_by String COMMENT 'Who agreed; empty when nobody had to, or has',
    rejected_by String COMMENT 'Who stopped it; empty when nobody has',
    sent_at DateTime64(3, 'UTC') COMMENT 'When the provider was asked; 1970 when it was not',
    paid_at DateTime64(3, 'UTC') COMMENT 'When the money had arrived; 1970 when it has not',
    receipt String COMMENT 'The provider''s receipt; empty until it names one',
    charge_minor Int64 COMMENT 'What the provider took for it, in minor units, as far as it has said',
    bank_reference String COMMENT 'The bank''s reference of a transfer that a person made',
    value_date String COMMENT 'The bank''s day of that transfer, such as 2026-10-31',
    failure_code LowCardinality(String) COMMENT 'Why it failed, for programs',
    failure_reason String COMMENT 'Why it failed, for people',
    outcome_unknown UInt8 COMMENT '1 while the provider''s answer is lost',
    needs_attention String COMMENT 'Why a person has to look; empty when nobody has to'
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/kipay/payouts_g1', '{replica}', version)
ORDER BY (merchant_id, mode, created_at, id)
SETTINGS index_granularity = 1024, fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1
COMMENT 'Payouts, one row each';

CREATE TABLE IF NOT EXISTS kipay.payouts_g1 ON CLUSTER 'kipay' AS kipay.shard_payouts_g1
ENGINE = Distributed('kipay', 'kipay', 'shard_payouts_g1', cityHash64(merchant_id))
COMMENT 'Payouts, one row each';

CREATE TABLE IF NOT EXISTS kipay.shard_reconciliation_differences_g1 ON CLUSTER 'kipay'
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
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/kipay/reconciliation_differences_g1', '{replica}', version)
ORDER BY (merchant_id, mode, import_id, n)
SETTINGS index_granularity = 1024, fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1
COMMENT 'Where statements and books differ, one row each';

CREATE TABLE IF NOT EXISTS kipay.reconciliation_differences_g1 ON CLUSTER 'kipay' AS kipay.shard_reconciliation_differences_g1
ENGINE = Distributed('kipay', 'kipay', 'shard_reconciliation_differences_g1', cityHash64(merchant_id))
COMMENT 'Where statements and books differ, one row each';

CREATE TABLE IF NOT EXISTS kipay.shard_reconciliation_imports_g1 ON CLUSTER 'kipay'
(
    merchant_id Int64 COMMENT 'The merchant',
    mode LowCardinality(String) COMMENT 'test or live',
    id Int64 COMMENT 'The import''s number',
    version UInt64 COMMENT 'Position in the log of the event that this row shows',
    created_at DateTime64(3, 'UTC') COMMENT 'When the file came',
    finished_at DateTime64(3, 'UTC') COMMENT 'When it was compared or refused; 1970 before',
    source LowCardinality(String) COMMENT 'mpesa_statement, mpesa_pull, paystack_settlement, paystack_transactions or bank',
    channel_id Int64 COMMENT 'The payment channel, 0 for a bank account',
    status LowCardinality(String) COMMENT 'processing, done or failed',
    sha256 String COMMENT 'The file''s SHA-256, in hex',
    period_from DateTime64(3, 'UTC') COMMENT 'Begin of the statement''s period',
    period_until DateTime64(3, 'UTC') COMMENT 'End of the statement''s period, not included',
    currency LowCardinality(String) COMMENT 'ISO 4217',
    lines UInt32 COMMENT 'Lines that moved money',
    matched UInt32 COMMENT 'Lines that are tied to an entry of the books',
    statement_minor Int64 COMMENT 'Sum of the lines, in minor units',
    booked_minor Int64 COMMENT 'What the books count in the period, in minor units',
    difference_minor Int64 COMMENT 'Statement less books, in minor units',
    explained_minor Int64 COMMENT 'The part of the difference whose cause is known, in minor units',
    unexplained_minor Int64 COMMENT 'The rest of it, in minor units',
    differences UInt32 COMMENT 'How many differences there are',
    balance_breaks UInt32 COMMENT 'Running balances that do not follow from the line before',
    balance_ties UInt8 COMMENT '1 when every step from the clearing account''s balance to the statement''s is named',
    balance_proven UInt8 COMMENT '1 when, beyond that, nothing is unexplained',
    bad_lines UInt32 COMMENT 'Lines that could not be read, of a file that was refused',
    message String COMMENT 'Why it was refused'
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/kipay/reconciliation_imports_g1', '{replica}')
ORDER BY (merchant_id, mode, id, version)
SETTINGS index_granularity = 1024, fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1
COMMENT 'What each statement that is compared with the books came to after each of its events; the newest is what it is now';

CREATE TABLE IF NOT EXISTS kipay.reconciliation_imports_g1 ON CLUSTER 'kipay' AS kipay.shard_reconciliation_imports_g1
ENGINE = Distributed('kipay', 'kipay', 'shard_reconciliation_imports_g1', cityHash64(merchant_id))
COMMENT 'What each statement that is compared with the books came to after each of its events; the newest is what it is now';

CREATE TABLE IF NOT EXISTS kipay.shard_reconciliation_resolutions_g1 ON CLUSTER 'kipay'
(
    merchant_id Int64 COMMENT 'The merchant',
    mode LowCardinality(String) COMMENT 'test or live',
    import_id Int64 COMMENT 'The import',
    n UInt32 COMMENT 'Place of the difference in its import, from 1',
    version UInt64 COMMENT 'Position in the log of the decision',
    action LowCardinality(String) COMMENT 'recorded, suspended, credit, write_off, return or accept',
    resolved_to String COMMENT 'The transaction that the money is counted for',
    resolved_by String COMMENT 'Who decided',
    reason String COMMENT 'Personal: why, in that person''s words',
    resolved_at DateTime64(3, 'UTC') COMMENT 'When it was decided',
    sealed_by String COMMENT 'The name of the key that seals the reason in the log'
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/kipay/reconciliation_resolutions_g1', '{replica}')
ORDER BY (merchant_id, mode, import_id, n, version)
SETTINGS index_granularity = 1024, fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1
COMMENT 'What was decided about differences; of the decisions about one the newest counts';

CREATE TABLE IF NOT EXISTS kipay.reconciliation_resolutions_g1 ON CLUSTER 'kipay' AS kipay.shard_reconciliation_resolutions_g1
ENGINE = Distributed('kipay', 'kipay', 'shard_reconciliation_resolutions_g1', cityHash64(merchant_id))
COMMENT 'What was decided about differences; of the decisions about one the newest counts';

CREATE TABLE IF NOT EXISTS kipay.shard_refund_versions_g1 ON CLUSTER 'kipay'
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
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/kipay/refund_versions_g1', '{replica}')
ORDER BY (merchant_id, mode, created_at, id, version)
SETTINGS index_granularity = 1024, fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1
COMMENT 'What each refund looked like after each of its events; never changed, for questions as of a moment';

CREATE TABLE IF NOT EXISTS kipay.refund_versions_g1 ON CLUSTER 'kipay' AS kipay.shard_refund_versions_g1
ENGINE = Distributed('kipay', 'kipay', 'shard_refund_versions_g1', cityHash64(merchant_id))
COMMENT 'What each refund looked like after each of its events; never changed, for questions as of a moment';

CREATE TABLE IF NOT EXISTS kipay.shard_refunds_g1 ON CLUSTER 'kipay'
(
    merchant_id Int64 COMMENT 'The merchant',
    mode LowCardinality(String) COMMENT 'test or live',
    created_at DateTime64(3, 'UTC') COMMENT 'When it was asked for',
    id Int64 COMMENT 'The refund''s number',
    version UInt64 COMMENT 'Position in the log of the event that this row shows',
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
    needs_attention String COMMENT 'Why a person has to look; empty when nobody has to'
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/kipay/refunds_g1', '{replica}', version)
ORDER BY (merchant_id, mode, created_at, id)
SETTINGS index_granularity = 1024, fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1
COMMENT 'Refunds, one row each';

CREATE TABLE IF NOT EXISTS kipay.refunds_g1 ON CLUSTER 'kipay' AS kipay.shard_refunds_g1
ENGINE = Distributed('kipay', 'kipay', 'shard_refunds_g1', cityHash64(merchant_id))
COMMENT 'Refunds, one row each';

CREATE TABLE IF NOT EXISTS kipay.shard_transaction_versions_g1 ON CLUSTER 'kipay'
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
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/kipay/transaction_versions_g1', '{replica}')
ORDER BY (merchant_id, mode, created_at, id, position)
SETTINGS index_granularity = 2048, fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1
COMMENT 'What each payment looked like after each of its events; never changed, for questions as of a moment';

CREATE TABLE IF NOT EXISTS kipay.transaction_versions_g1 ON CLUSTER 'kipay' AS kipay.shard_transaction_versions_g1
ENGINE = Distributed('kipay', 'kipay', 'shard_transaction_versions_g1', cityHash64(merchant_id))
COMMENT 'What each payment looked like after each of its events; never changed, for questions as of a moment';

CREATE TABLE IF NOT EXISTS kipay.shard_transactions_g1 ON CLUSTER 'kipay'
(
    merchant_id Int64 COMMENT 'The merchant',
    mode LowCardinality(String) COMMENT 'test or live',
    created_at DateTime64(3, 'UTC') COMMENT 'When it was opened',
    id Int64 COMMENT 'Its number',
    version UInt64 COMMENT 'Position in the log of the event that this row shows',
    revision Int64 COMMENT 'Revision of that event in the transaction''s stream',
    reference String COMMENT 'Kipay''s name of the transaction',
    status LowCardinality(String) COMMENT 'pending, completed or failed',
    listed UInt8 COMMENT '0 when it is part of another transaction, which is listed instead',
    currency LowCardinality(String) COMMENT 'ISO 4217',
    amount_minor Int64 COMMENT 'What was asked, in minor units',
    received_minor Int64 COMMENT 'What came, in minor units',
    credited_minor Int64 COMMENT 'What the merchant is credited, in minor units',
    surplus_minor Int64 COMMENT 'What came beyond what was asked, in minor units',
    payment_method LowCardinality(String) COMMENT 'How the money came; empty until it did',
    provider LowCardinality(String) COMMENT 'mpesa or paystack',
    origin LowCardinality(String) COMMENT 'checkout, push or c2b',
    channel_id Int64 COMMENT 'The payment channel',
    customer_id Int64 COMMENT 'The customer, 0 when the payer is not known',
    email String COMMENT 'Personal: the payer''s email as given with the payment',
    first_name String COMMENT 'Personal: the payer''s first name',
    last_name String COMMENT 'Personal: the payer''s last name',
    phone String COMMENT 'Personal: the payer''s phone as given with the payment',
    description String COMMENT 'Personal: the merchant''s own text',
    merchant_reference String COMMENT 'Personal: the merchant''s own reference',
    pushes UInt16 COMMENT 'How many prompts were sent to phones',
    phone_number String COMMENT 'Personal: the phone of the newest prompt',
    checkout_request_id String COMMENT 'Personal: the provider''s name of the newest prompt, which ends with its phone',
    receipt String COMMENT 'The provider''s receipt of the first payment',
    failure_code LowCardinality(String) COMMENT 'Why it failed, for programs',
    failure_reason String COMMENT 'Why it failed, for people',
    paid_at DateTime64(3, 'UTC') COMMENT 'When the money came by the provider''s clock; 1970 when it did not',
    expires_at DateTime64(3, 'UTC') COMMENT 'When it stops waiting; 1970 is never',
    completed_at DateTime64(3, 'UTC') COMMENT 'When it was first completed; 1970 when it was not',
    updated_at DateTime64(3, 'UTC') COMMENT 'When it last changed',
    needs_review UInt8 COMMENT '1 when evidence contradicts other evidence and a person has to look',
    merged_into String COMMENT 'The transaction that this one is a part of',
    refunded_minor Int64 COMMENT 'What has gone back, in minor units',
    INDEX by_status status TYPE set(4) GRANULARITY 4,
    INDEX by_reference reference TYPE bloom_filter(0.01) GRANULARITY 8
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/kipay/transactions_g1', '{replica}', version)
ORDER BY (merchant_id, mode, created_at, id)
SETTINGS index_granularity = 256, fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1, old_parts_lifetime = 60
COMMENT 'Payments, one row each; the view transactions shows each once';

CREATE TABLE IF NOT EXISTS kipay.transactions_g1 ON CLUSTER 'kipay' AS kipay.shard_transactions_g1
ENGINE = Distributed('kipay', 'kipay', 'shard_transactions_g1', cityHash64(merchant_id))
COMMENT 'Payments, one row each; the view transactions shows each once';

CREATE OR REPLACE VIEW kipay.channels ON CLUSTER 'kipay'
(
    id Int64 COMMENT 'The channel''s number',
    merchant_id Int64 COMMENT 'The merchant',
    name String COMMENT 'The merchant''s name for it',
    provider LowCardinality(String) COMMENT 'mpesa or paystack',
    environment LowCardinality(String) COMMENT 'sandbox or production',
    currency LowCardinality(String) COMMENT 'The currency taken when a request names none',
    shortcode String COMMENT 'The M-Pesa shortcode',
    till_number String COMMENT 'The M-Pesa till',
    is_active UInt8 COMMENT '1 while it takes new payments',
    is_default UInt8 COMMENT '1 when it is used where a request names none',
    c2b_registered UInt8 COMMENT '1 once the provider sends its customer payments here',
    funds LowCardinality(String) COMMENT 'Whose money comes through it: merchant (its own account) or pool (the operator''s)',
    created_at DateTime64(3, 'UTC') COMMENT 'When it was opened',
    position UInt64 COMMENT 'Position in the log of the event that this row shows'
)
AS SELECT c.id AS id, c.merchant_id AS merchant_id, c.name AS name, c.provider AS provider, c.environment AS environment,
    c.currency AS currency, c.shortcode AS shortcode, c.till_number AS till_number, c.active AS is_active,
    toUInt8(m.default_channel_id = c.id) AS is_default, c.c2b_registered AS c2b_registered, c.funds AS funds,
    c.created_at AS created_at,
    c.version AS position
FROM kipay.channels_g1 AS c FINAL
GLOBAL LEFT JOIN (SELECT id, default_channel_id FROM kipay.merchants_g1 FINAL) AS m ON m.id = c.merchant_id
COMMENT 'Accounts at providers, each once, as they are now';

CREATE OR REPLACE VIEW kipay.counters ON CLUSTER 'kipay' AS
SELECT * FROM kipay.counters_g1 FINAL
COMMENT 'How many there are of what lists show';

CREATE OR REPLACE VIEW kipay.customer_versions ON CLUSTER 'kipay'
(
    id Int64 COMMENT 'The customer''s number',
    merchant_id Int64 COMMENT 'The merchant',
    email String COMMENT 'Personal',
    first_name String COMMENT 'Personal',
    last_name String COMMENT 'Personal',
    phone String COMMENT 'Personal',
    created_at DateTime64(3, 'UTC') COMMENT 'When the customer was opened',
    updated_at DateTime64(3, 'UTC') COMMENT 'When the details became so',
    position UInt64 COMMENT 'The event''s position in the log'
)
AS SELECT id, merchant_id, email, first_name, last_name, phone, created_at, updated_at, version AS position
FROM kipay.customer_versions_g1 FINAL
COMMENT 'What each customer looked like after each change';

CREATE OR REPLACE VIEW kipay.customers ON CLUSTER 'kipay'
(
    id Int64 COMMENT 'The customer''s number',
    merchant_id Int64 COMMENT 'The merchant',
    email String COMMENT 'Personal',
    first_name String COMMENT 'Personal',
    last_name String COMMENT 'Personal',
    phone String COMMENT 'Personal',
    created_at DateTime64(3, 'UTC') COMMENT 'When the customer was opened',
    updated_at DateTime64(3, 'UTC') COMMENT 'When the details last changed',
    position UInt64 COMMENT 'Position in the log of the event that this row shows'
)
AS SELECT id, merchant_id, email, first_name, last_name, phone, created_at, updated_at, version AS position
FROM kipay.customers_g1 FINAL
COMMENT 'The merchants'' customers, each once, as they are now';

CREATE OR REPLACE VIEW kipay.dispute_versions ON CLUSTER 'kipay'
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
FROM kipay.dispute_versions_g1 FINAL
COMMENT 'What each dispute looked like after each of its events';

CREATE OR REPLACE VIEW kipay.disputes ON CLUSTER 'kipay'
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
    due_in Nullable(Int64) COMMENT 'Seconds until then, of one that waits for the merchant; below zero when it is overdue',
    reminders Int64 COMMENT 'How often the provider has reminded',
    evidence Int64 COMMENT 'How often evidence was given and taken',
    answer LowCardinality(String) COMMENT 'accepted or declined, by the merchant; empty before',
    answer_status LowCardinality(String) COMMENT 'What the provider made of the answer: pending, taken, refused or unknown',
    resolution LowCardinality(String) COMMENT 'The provider''s word for how it ended',
    returned_minor Int64 COMMENT 'What went back to the payer, in minor units',
    created_at DateTime64(3, 'UTC') COMMENT 'When the payer complained, by the provider''s clock',
    resolved_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When it ended',
    needs_attention String COMMENT 'Why a person has to look; empty when nobody has to',
    position UInt64 COMMENT 'Position in the log of the event that this row shows'
)
AS SELECT id, reference, provider_reference, merchant_id, mode, channel_id, currency, amount_minor, category, status,
    nullIf(due_at, toDateTime64(0, 3, 'UTC')) AS due_at,
    if(status = 'needs_response', dateDiff('second', now64(3, 'UTC'), nullIf(due_at, toDateTime64(0, 3, 'UTC'))), NULL) AS due_in,
    reminders, evidence, answer, answer_status, resolution, returned_minor, created_at,
    nullIf(resolved_at, toDateTime64(0, 3, 'UTC')) AS resolved_at, needs_attention, version AS position
FROM kipay.disputes_g1 FINAL
ORDER BY status != 'needs_response', due_at
COMMENT 'Disputes, each once, as they are now: those that wait for the merchant first';

CREATE OR REPLACE VIEW kipay.events ON CLUSTER 'kipay'
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
    data String COMMENT 'The event as it stands in the log: JSON, personal fields sealed; empty where it holds an address with a token',
    metadata String COMMENT 'The metadata as it stands in the log: JSON',
    mode LowCardinality(String) COMMENT 'test or live for payments and their receipts; empty for what is the merchant''s in both'
)
AS SELECT position, stream, revision, id, type, version, occurred_at, recorded_at, actor, merchant_id, correlation_id,
    causation_id, if(type = 'C2BUrlsRegistered', '{}', data) AS data, metadata, mode
FROM kipay.events_g1 FINAL
COMMENT 'Every event of the log, sealed as it stands there';

CREATE OR REPLACE VIEW kipay.ledger_balances ON CLUSTER 'kipay'
(
    merchant_id Int64 COMMENT 'The merchant',
    mode LowCardinality(String) COMMENT 'test or live',
    account LowCardinality(String) COMMENT 'The account of the chart',
    currency LowCardinality(String) COMMENT 'ISO 4217',
    channel_id Int64 COMMENT 'The payment channel where the money is',
    debit_minor Int64 COMMENT 'All debits, in minor units',
    credit_minor Int64 COMMENT 'All credits, in minor units',
    postings UInt64 COMMENT 'How many postings these are',
    position UInt64 COMMENT 'Position of the newest event among them'
)
AS SELECT merchant_id, mode, account, currency, channel_id, sum(e.debit_minor) AS debit_minor, sum(e.credit_minor) AS credit_minor,
    count() AS postings, max(e.position) AS position
FROM kipay.ledger_entries_g1 AS e FINAL
GROUP BY merchant_id, mode, account, currency, channel_id
COMMENT 'What the postings of each account add up to';

CREATE OR REPLACE VIEW kipay.ledger_entries ON CLUSTER 'kipay'
(
    id Int64 COMMENT 'The posting''s number',
    event_id UUID COMMENT 'The event that made it',
    event_type LowCardinality(String) COMMENT 'What happened',
    position UInt64 COMMENT 'Position of that event in the log',
    line UInt8 COMMENT 'Place among the event''s postings, from 0',
    merchant_id Int64 COMMENT 'The merchant',
    mode LowCardinality(String) COMMENT 'test or live',
    reference String COMMENT 'The transaction',
    account LowCardinality(String) COMMENT 'The account of the chart',
    currency LowCardinality(String) COMMENT 'ISO 4217',
    channel_id Int64 COMMENT 'The payment channel where the money is',
    debit_minor Int64 COMMENT 'In minor units; 0 where it is a credit',
    credit_minor Int64 COMMENT 'In minor units; 0 where it is a debit',
    effective_at DateTime64(3, 'UTC') COMMENT 'When it happened, by the provider''s clock where that is known',
    recorded_at DateTime64(3, 'UTC') COMMENT 'When the log recorded it',
    period UInt32 COMMENT 'The month in which it is booked, year times 100 and month',
    late_for UInt32 COMMENT 'The month in which it happened, where that was closed before it was known; else 0'
)
AS SELECT id, event_id, event_type, position, line, merchant_id, mode, reference, account, currency, channel_id, debit_minor,
    credit_minor, effective_at, recorded_at, period, late_for
FROM kipay.ledger_entries_g1 FINAL
COMMENT 'The postings of every event that moved money, each once';

CREATE OR REPLACE VIEW kipay.merchants ON CLUSTER 'kipay'
(
    id Int64 COMMENT 'The merchant''s number',
    merchant_id Int64 COMMENT 'The same, by the name that other tables have for it',
    name String COMMENT 'Personal: the business name',
    time_zone LowCardinality(String) COMMENT 'Where the merchant''s calendar days are counted',
    default_channel_id Int64 COMMENT 'The channel used when a request names none, 0 for none',
    created_at DateTime64(3, 'UTC') COMMENT 'When the merchant was opened',
    position UInt64 COMMENT 'Position in the log of the event that this row shows'
)
AS SELECT id, id AS merchant_id, name, time_zone, default_channel_id, created_at, version AS position
FROM kipay.merchants_g1 FINAL
COMMENT 'Merchants, each once, as they are now';

CREATE OR REPLACE VIEW kipay.payout_versions ON CLUSTER 'kipay'
(
    id Int64 COMMENT 'The payout''s number',
    reference String COMMENT 'Kipay''s name of the payout, and M-Pesa''s',
    merchant_id Int64 COMMENT 'The merchant',
    mode LowCardinality(String) COMMENT 'test or live',
    currency LowCardinality(String) COMMENT 'ISO 4217',
    amount_minor Int64 COMMENT 'What is paid out, in minor units',
    paid_minor Int64 COMMENT 'What was paid, by the provider''s word, in minor units; 0 before',
    status LowCardinality(String) COMMENT 'awaiting_approval, approved, sent, completed, failed or rejected',
    method LowCardinality(String) COMMENT 'mpesa_b2c or manual',
    channel_id Int64 COMMENT 'The payment channel whose money it is',
    destination LowCardinality(String) COMMENT 'phone, bank or till',
    destination_hint String COMMENT 'The last figures of where it goes',
    needs_approval UInt8 COMMENT '1 when a second person has to agree',
    requested_by String COMMENT 'Who asked for it',
    approved_by String COMMENT 'Who agreed; empty when nobody had to, or has',
    rejected_by String COMMENT 'Who stopped it; empty when nobody has',
    created_at DateTime64(3, 'UTC') COMMENT 'When it was asked for',
    sent_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When the provider was asked',
    paid_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When the money had arrived',
    receipt String COMMENT 'The provider''s receipt; empty until it names one',
    charge_minor Int64 COMMENT 'What the provider took for it, in minor units, as far as it has said',
    bank_reference String COMMENT 'The bank''s reference of a transfer that a person made',
    value_date String COMMENT 'The bank''s day of that transfer, such as 2026-10-31',
    failure_code LowCardinality(String) COMMENT 'Why it failed, for programs',
    failure_reason String COMMENT 'Why it failed, for people',
    outcome_unknown UInt8 COMMENT '1 while the provider''s answer is lost',
    needs_attention String COMMENT 'Why a person has to look; empty when nobody has to',
    effective_at DateTime64(3, 'UTC') COMMENT 'When it became so, by the clock of whoever paid where that is known',
    position UInt64 COMMENT 'The event''s position in the log'
)
AS SELECT id, reference, merchant_id, mode, currency, amount_minor, paid_minor, status, method, channel_id, destination, destination_hint, needs_approval,
    requested_by, approved_by, rejected_by, created_at, nullIf(sent_at, toDateTime64(0, 3, 'UTC')) AS sent_at,
    nullIf(paid_at, toDateTime64(0, 3, 'UTC')) AS paid_at, receipt, charge_minor, bank_reference, value_date, failure_code, failure_reason,
    outcome_unknown, needs_attention, effective_at, version AS position
FROM kipay.payout_versions_g1 FINAL
COMMENT 'What each payout looked like after each of its events';

CREATE OR REPLACE VIEW kipay.payouts ON CLUSTER 'kipay'
(
    id Int64 COMMENT 'The payout''s number',
    reference String COMMENT 'Kipay''s name of the payout, and M-Pesa''s',
    merchant_id Int64 COMMENT 'The merchant',
    mode LowCardinality(String) COMMENT 'test or live',
    currency LowCardinality(String) COMMENT 'ISO 4217',
    amount_minor Int64 COMMENT 'What is paid out, in minor units',
    paid_minor Int64 COMMENT 'What was paid, by the provider''s word, in minor units; 0 before',
    status LowCardinality(String) COMMENT 'awaiting_approval, approved, sent, completed, failed or rejected',
    method LowCardinality(String) COMMENT 'mpesa_b2c or manual',
    channel_id Int64 COMMENT 'The payment channel whose money it is',
    destination LowCardinality(String) COMMENT 'phone, bank or till',
    destination_hint String COMMENT 'The last figures of where it goes',
    needs_approval UInt8 COMMENT '1 when a second person has to agree',
    requested_by String COMMENT 'Who asked for it',
    approved_by String COMMENT 'Who agreed; empty when nobody had to, or has',
    rejected_by String COMMENT 'Who stopped it; empty when nobody has',
    created_at DateTime64(3, 'UTC') COMMENT 'When it was asked for',
    sent_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When the provider was asked',
    paid_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When the money had arrived',
    receipt String COMMENT 'The provider''s receipt; empty until it names one',
    charge_minor Int64 COMMENT 'What the provider took for it, in minor units, as far as it has said',
    bank_reference String COMMENT 'The bank''s reference of a transfer that a person made',
    value_date String COMMENT 'The bank''s day of that transfer, such as 2026-10-31',
    failure_code LowCardinality(String) COMMENT 'Why it failed, for programs',
    failure_reason String COMMENT 'Why it failed, for people',
    outcome_unknown UInt8 COMMENT '1 while the provider''s answer is lost',
    needs_attention String COMMENT 'Why a person has to look; empty when nobody has to',
    position UInt64 COMMENT 'Position in the log of the event that this row shows'
)
AS SELECT id, reference, merchant_id, mode, currency, amount_minor, paid_minor, status, method, channel_id, destination, destination_hint, needs_approval,
    requested_by, approved_by, rejected_by, created_at, nullIf(sent_at, toDateTime64(0, 3, 'UTC')) AS sent_at,
    nullIf(paid_at, toDateTime64(0, 3, 'UTC')) AS paid_at, receipt, charge_minor, bank_reference, value_date, failure_code, failure_reason,
    outcome_unknown, needs_attention, version AS position
FROM kipay.payouts_g1 FINAL
COMMENT 'Payouts, each once, as they are now';

CREATE OR REPLACE VIEW kipay.reconciliation_differences ON CLUSTER 'kipay'
(
    id Int64 COMMENT 'The difference''s number',
    import_id Int64 COMMENT 'The import',
    merchant_id Int64 COMMENT 'The merchant',
    mode LowCardinality(String) COMMENT 'test or live',
    channel_id Int64 COMMENT 'The payment channel, 0 for a bank account',
    identity String COMMENT 'What it is about: the same in every import that shows it, when statements overlap',
    cause LowCardinality(String) COMMENT 'Why statement and books differ',
    rule LowCardinality(String) COMMENT 'The rule that decided',
    state LowCardinality(String) COMMENT 'open, explained or resolved',
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
    at Nullable(DateTime64(3, 'UTC')) COMMENT 'By the provider''s clock',
    explanation String COMMENT 'The cause in words',
    line String COMMENT 'Personal: the line as it stands in the file, as JSON',
    action LowCardinality(String) COMMENT 'What was decided: recorded, suspended, credit, write_off, return or accept; empty before',
    resolved_to String COMMENT 'The transaction that the money is counted for',
    resolved_by String COMMENT 'Who decided',
    reason String COMMENT 'Personal: why, in that person''s words',
    resolved_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When it was decided'
)
AS SELECT d.id AS id, d.import_id AS import_id, d.merchant_id AS merchant_id, d.mode AS mode, d.channel_id AS channel_id, d.identity AS identity, d.cause AS cause,
    d.rule AS rule, if(r.action IN ('', 'suspended'), toString(d.found_as), 'resolved') AS state, d.line_number AS line_number,
    d.line_kind AS line_kind, d.receipt AS receipt, d.entry AS entry, d.reference AS reference, d.candidates AS candidates,
    d.event_ids AS event_ids, d.currency AS currency, d.amount_minor AS amount_minor, d.stated_minor AS stated_minor,
    d.booked_minor AS booked_minor, nullIf(d.at, toDateTime64(0, 3, 'UTC')) AS at, d.explanation AS explanation, d.line AS line,
    toString(r.action) AS action, r.resolved_to AS resolved_to, r.resolved_by AS resolved_by, r.reason AS reason,
    nullIf(r.resolved_at, toDateTime64(0, 3, 'UTC')) AS resolved_at
FROM (SELECT * FROM kipay.reconciliation_differences_g1 FINAL) AS d
INNER JOIN (SELECT merchant_id, mode, id, differences FROM kipay.reconciliation_imports_g1 FINAL WHERE status = 'done') AS i
    ON i.merchant_id = d.merchant_id AND i.mode = d.mode AND i.id = d.import_id
GLOBAL LEFT JOIN (SELECT * FROM kipay.reconciliation_resolutions_g1 ORDER BY version DESC LIMIT 1 BY merchant_id, mode, import_id, n) AS r
    ON r.merchant_id = d.merchant_id AND r.mode = d.mode AND r.import_id = d.import_id AND r.n = d.n
WHERE d.n <= i.differences
COMMENT 'Where statements and books differ, once for each import that shows it, as it stands now';

CREATE OR REPLACE VIEW kipay.reconciliation_imports ON CLUSTER 'kipay'
(
    id Int64 COMMENT 'The import''s number',
    merchant_id Int64 COMMENT 'The merchant',
    mode LowCardinality(String) COMMENT 'test or live',
    created_at DateTime64(3, 'UTC') COMMENT 'When the file came',
    finished_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When it was compared or refused',
    source LowCardinality(String) COMMENT 'mpesa_statement, mpesa_pull, paystack_settlement, paystack_transactions or bank',
    channel_id Int64 COMMENT 'The payment channel, 0 for a bank account',
    status LowCardinality(String) COMMENT 'processing, done or failed',
    sha256 String COMMENT 'The file''s SHA-256, in hex',
    period_from Nullable(DateTime64(3, 'UTC')) COMMENT 'Begin of the statement''s period',
    period_until Nullable(DateTime64(3, 'UTC')) COMMENT 'End of the statement''s period, not included',
    currency LowCardinality(String) COMMENT 'ISO 4217',
    lines UInt32 COMMENT 'Lines that moved money',
    matched UInt32 COMMENT 'Lines that are tied to an entry of the books',
    statement_minor Int64 COMMENT 'Sum of the lines, in minor units',
    booked_minor Int64 COMMENT 'What the books count in the period, in minor units',
    difference_minor Int64 COMMENT 'Statement less books, in minor units',
    explained_minor Int64 COMMENT 'The part of the difference whose cause is known, in minor units',
    unexplained_minor Int64 COMMENT 'The rest of it, in minor units',
    differences UInt32 COMMENT 'How many differences there are',
    balance_breaks UInt32 COMMENT 'Running balances that do not follow from the line before',
    balance_ties UInt8 COMMENT '1 when every step from the clearing account''s balance to the statement''s is named',
    balance_proven UInt8 COMMENT '1 when, beyond that, nothing is unexplained',
    bad_lines UInt32 COMMENT 'Lines that could not be read, of a file that was refused',
    message String COMMENT 'Why it was refused',
    position UInt64 COMMENT 'Position in the log of the event that this row shows'
)
AS SELECT id, merchant_id, mode, created_at, nullIf(finished_at, toDateTime64(0, 3, 'UTC')) AS finished_at, source, channel_id, status, sha256,
    nullIf(period_from, toDateTime64(0, 3, 'UTC')) AS period_from, nullIf(period_until, toDateTime64(0, 3, 'UTC')) AS period_until, currency, lines,
    matched, statement_minor, booked_minor, difference_minor, explained_minor, unexplained_minor, differences, balance_breaks, balance_ties,
    balance_proven, bad_lines, message, version AS position
FROM (SELECT * FROM kipay.reconciliation_imports_g1 ORDER BY version DESC LIMIT 1 BY merchant_id, mode, id)
COMMENT 'Statements that were compared with the books, each once';

CREATE OR REPLACE VIEW kipay.reconciliation_resolutions ON CLUSTER 'kipay'
(
    import_id Int64 COMMENT 'The import',
    n UInt32 COMMENT 'Place of the difference in its import, from 1',
    merchant_id Int64 COMMENT 'The merchant',
    mode LowCardinality(String) COMMENT 'test or live',
    action LowCardinality(String) COMMENT 'recorded, suspended, credit, write_off, return or accept',
    resolved_to String COMMENT 'The transaction that the money is counted for',
    resolved_by String COMMENT 'Who decided',
    reason String COMMENT 'Personal: why, in that person''s words',
    resolved_at DateTime64(3, 'UTC') COMMENT 'When it was decided',
    position UInt64 COMMENT 'Position in the log of the decision'
)
AS SELECT import_id, n, merchant_id, mode, action, resolved_to, resolved_by, reason, resolved_at, version AS position
FROM (SELECT * FROM kipay.reconciliation_resolutions_g1 ORDER BY version DESC LIMIT 1 BY merchant_id, mode, import_id, n)
COMMENT 'The newest decision about each difference; reconciliation_differences shows it beside the difference';

CREATE OR REPLACE VIEW kipay.refund_versions ON CLUSTER 'kipay'
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
    effective_at DateTime64(3, 'UTC') COMMENT 'When it became so, by the provider''s clock where that is known',
    position UInt64 COMMENT 'The event''s position in the log'
)
AS SELECT id, refund_reference, reference, merchant_id, mode, currency, amount_minor, status, method, channel_id, receipt, failure_code,
    failure_reason, created_at, nullIf(refunded_at, toDateTime64(0, 3, 'UTC')) AS refunded_at, outcome_unknown, needs_attention, effective_at, version AS position
FROM kipay.refund_versions_g1 FINAL
COMMENT 'What each refund looked like after each of its events';

CREATE OR REPLACE VIEW kipay.refunds ON CLUSTER 'kipay'
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
FROM kipay.refunds_g1 FINAL
COMMENT 'Refunds, each once, as they are now';

CREATE OR REPLACE VIEW kipay.transaction_versions ON CLUSTER 'kipay'
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
    refunded_minor Int64 COMMENT 'What had gone back, in minor units'
)
AS SELECT reference, revision, position, merchant_id, mode, id, created_at, effective_at, occurred_at, recorded_at, event_type, status,
    listed, currency, amount_minor, received_minor, credited_minor, surplus_minor, payment_method, receipt,
    failure_code, failure_reason, pushes, push_accepted, paid_at, needs_review, merged_into, provider, origin, channel_id, completed_at, refunded_minor
FROM kipay.transaction_versions_g1 FINAL
COMMENT 'What each payment looked like after each of its events';

CREATE OR REPLACE VIEW kipay.transactions ON CLUSTER 'kipay'
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
FROM kipay.transactions_g1 FINAL
WHERE listed = 1
COMMENT 'Payments, each once, as it is now; personal columns are left out';
