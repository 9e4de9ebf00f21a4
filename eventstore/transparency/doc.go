// Package transparency proves what stands in the log: a Merkle tree over the canonical bytes of every event (RFC 6962, as
// C2SP tlog-tiles), signed heads of it (C2SP tlog-checkpoint), and receipts that are verified with the network unplugged.
//
//   - leaf.go says which events are leaves, and their bytes. The tree follows from the log alone, so every node has the
//     same one, and an install that was exported and imported keeps it.
//   - tree.go, tree_open.go, tree_state.go and view.go are the tree on a node's own disk, a cache of what the log says, and its
//     proofs; follower.go builds it beside the append path.
//   - heads.go, maker.go and rotate.go are the signed heads and their keys, kept in two streams (package treehead);
//     checkpoint.go is their form, witness.go has others cosign them.
//   - receipt.go, receipt_json.go, issue.go, verify.go and disclosure.go are receipts; docs/receipt-format.md is the format.
//   - cover.go and the files pack*.go are audit packs, a month of books with its proofs; docs/audit-pack.md is the format.
//   - audit.go and compare.go tell whether history was changed; publisher.go answers what others fetch.
//
// What must not live here: routes (cmd), which events belong to a payment (domain), SQL.
package transparency
