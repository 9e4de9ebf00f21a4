package projectionstest

import (
	"testing"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/domain/receipt"
	"github.com/benfex/kipay/domain/reconciliation"
	"github.com/benfex/kipay/domain/reconciliation/journal"
	"github.com/benfex/kipay/eventstore"
)

// Statement compares a statement with the books in which one payer of 55.00 is not known, whose money goes into suspense, and
// another line is decided about.
func (i *Install) Statement(t testing.TB, merchantID int64) (id int64, at eventstore.Position) {
	t.Helper()
	return i.StatementOf(t, merchantID, "QGR7I8K2ZZ")
}

// StatementOf is Statement with the receipt of the payer who is not known.
func (i *Install) StatementOf(t testing.TB, merchantID int64, number string) (id int64, at eventstore.Position) {
	t.Helper()
	id = i.NextID()
	now := i.Now()
	subject, amount := journal.Stream(id), money.Of(55_00, money.KES)
	do := func(cmd domain.Command[journal.State]) eventstore.Position {
		t.Helper()
		_, at := Do[journal.State](t, i, merchantID, subject, cmd)
		return at
	}
	do(journal.Begin{Begun: journal.Begun{
		ID: id, Merchant: merchantID, Mode: domain.ModeTest, Channel: 7, Source: reconciliation.SourceMpesa, Format: "mpesa_csv", Subject: subject,
		File: "statement.csv", SHA256: "ab", Bytes: 1200, At: now,
	}})
	open := journal.Difference{
		N: 1, Identity: "line:" + number + ":unknown_payer", Line: 9, Kind: reconciliation.KindPayment, Receipt: number, Rule: reconciliation.RuleUnmatched,
		Cause: reconciliation.UnknownPayer, State: reconciliation.Open, Amount: amount, Stated: amount, Booked: money.Of(0, money.KES), At: now,
		Text: "It fits no payment or account here.",
	}
	more := open
	more.N, more.Identity, more.Line, more.Cause = 2, "line:"+number+"-2:wrong_amount", 10, reconciliation.WrongAmount
	key := journal.LineKey(id, 1)
	do(journal.Find{Found: []journal.DifferencesFound{
		{ID: id, Subject: key, Differences: []journal.Difference{open}, Words: `{"party":"25470****005 - JANE DOE"}`, At: now},
		{ID: id, Subject: subject, Differences: []journal.Difference{more}, At: now},
	}})
	total := money.Of(110_00, money.KES)
	do(journal.Conclude{Reconciled: journal.Reconciled{
		ID: id, From: now.AddDate(0, 0, -1), Until: now, Currency: money.KES, Lines: 2, Statement: total, Booked: money.Of(0, money.KES), Difference: total,
		Explained: total, Unexplained: money.Of(0, money.KES), Open: 2, Differences: 2, At: now,
		ByCause: []journal.CauseSum{{Cause: reconciliation.UnknownPayer, Count: 1, Amount: amount}, {Cause: reconciliation.WrongAmount, Count: 1, Amount: amount}},
	}})
	Do[receipt.State](t, i, merchantID, receipt.Stream("mpesa.sandbox", open.Receipt), receipt.OpenSuspense{SuspenseOpened: receipt.SuspenseOpened{
		Provider: "mpesa", Number: open.Receipt, Merchant: merchantID, Mode: domain.ModeTest, Channel: 7, Amount: amount, PaidAt: now, Import: id, Line: 9,
		Subject: key, Party: "25470****005 - JANE DOE", At: now,
	}})
	do(journal.Resolve{Resolved: journal.Resolved{
		ID: id, Subject: subject, At: now, Resolutions: []journal.Resolution{{N: 1, Action: journal.Suspended}},
	}})
	return id, i.AcceptDifference(t, merchantID, id, 2, "looked up")
}

// BankStatement imports a statement of an account at a bank, which is of no channel, and finds one line more than the books have.
func (i *Install) BankStatement(t testing.TB, merchantID int64) (id int64, at eventstore.Position) {
	t.Helper()
	id = i.NextID()
	now, subject, amount, none := i.Now(), journal.Stream(id), money.Of(20_00, money.KES), money.Of(0, money.KES)
	do := func(cmd domain.Command[journal.State]) {
		t.Helper()
		_, at = Do[journal.State](t, i, merchantID, subject, cmd)
	}
	do(journal.Begin{Begun: journal.Begun{
		ID: id, Merchant: merchantID, Mode: domain.ModeTest, Source: reconciliation.SourceBank, Format: "csv", Subject: subject,
		File: "bank.csv", Account: "Equity", SHA256: "cd", Bytes: 300, At: now,
	}})
	do(journal.Find{Found: []journal.DifferencesFound{{ID: id, Subject: subject, At: now, Differences: []journal.Difference{{
		N: 1, Identity: "line:b:unexplained", Line: 2, Rule: reconciliation.RuleUnmatched, Cause: reconciliation.Unexplained,
		State: reconciliation.Open, Amount: amount, Stated: amount, Booked: none, At: now, Text: "It fits no payout here.",
	}}}}})
	do(journal.Conclude{Reconciled: journal.Reconciled{
		ID: id, From: now.AddDate(0, 0, -1), Until: now, Currency: money.KES, Lines: 1, Statement: amount, Booked: none, Difference: amount,
		Explained: none, Unexplained: amount, Open: 1, Differences: 1, At: now,
		ByCause: []journal.CauseSum{{Cause: reconciliation.Unexplained, Count: 1, Amount: amount}},
	}})
	return id, at
}

// AcceptDifference decides about a difference of an import.
func (i *Install) AcceptDifference(t testing.TB, merchantID, importID int64, n int, reason domain.Personal) eventstore.Position {
	t.Helper()
	_, at := Do[journal.State](t, i, merchantID, journal.Stream(importID), journal.Resolve{Person: true, Resolved: journal.Resolved{
		ID: importID, Subject: journal.Stream(importID), At: i.Now(), Reason: reason, Resolutions: []journal.Resolution{{N: n, Action: journal.Accept}},
	}})
	return at
}
