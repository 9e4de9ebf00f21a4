CREATE TABLE IF NOT EXISTS kipay.checkpoints
(
    generation UInt32 COMMENT 'The generation that has come this far',
    position UInt64 COMMENT 'Every event at or before this position of the log is in the tables',
    stored_at DateTime64(3, 'UTC') COMMENT 'When it was stored'
)
ENGINE = ReplacingMergeTree(position)
ORDER BY generation
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1
COMMENT 'How far each generation has come in the log; stored after the rows that it covers';
