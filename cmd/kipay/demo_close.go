package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/transaction"
	"github.com/benfex/kipay/eventstore"
	"github.com/benfex/kipay/eventstore/transparency"
)

func jsonNumber[T ~[]byte](b T) json.Number { return json.Number(b) }

// close closes the month, and keeps the checkpoint of the moment.
func (d *monthDemo) close(ctx context.Context) error {
	d.clock.to(d.until().AddDate(0, 0, 2).Add(12 * time.Hour))
	at, err := d.n.write.ClosePeriod(ctx, d.merchant, domain.ModeLive, d.monthOf())
	if err != nil {
		return err
	}
	d.closed = uint64(at)
	var list struct {
		Data []struct {
			Month    string `json:"month"`
			Position uint64 `json:"position"`
		} `json:"data"`
		OpenFrom string `json:"open_from"`
	}
	if err := d.ask(ctx, http.MethodGet, "/api/periods/list", "", &list); err != nil {
		return err
	}
	d.line("    kipay period close " + d.monthOf().String())
	d.say("closes %s and all before it, on %s. What happened in it and becomes known later is booked in %s.", d.monthOf(), d.clock.now().In(d.zone).Format("2 January 2006"), list.OpenFrom)
	if err := d.sign(ctx); err != nil {
		return err
	}
	if d.checkpoint, err = d.n.proofs.heads.Checkpoint(ctx); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(d.dir, "checkpoint.txt"), []byte(d.checkpoint), 0o600); err != nil {
		return err
	}
	d.say("The auditor keeps the log's signed checkpoint of that moment: five lines of text.")
	d.gap()
	d.check(len(list.Data) == 1 && list.Data[0].Month == d.monthOf().String() && list.Data[0].Position == d.closed, "%s is closed, at position %d of the log.", d.monthOf(), d.closed)
	return nil
}

// sign waits until the tree has all that is in the log, and signs its head.
func (d *monthDemo) sign(ctx context.Context) error {
	head, err := d.n.store.Head(ctx)
	if err != nil {
		return err
	}
	for {
		changed := d.n.proofs.tree.Changed()
		if d.n.proofs.tree.Seen() >= head {
			break
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	_, err = d.n.proofs.maker.Make(ctx)
	return err
}

// afterwards lets a fact of the closed month become known, and shows what it changed.
func (d *monthDemo) afterwards(ctx context.Context) error {
	before, err := d.balances(ctx, eventstore.Position(d.closed))
	if err != nil {
		return err
	}
	d.clock.to(d.until().AddDate(0, 0, 4))
	late := d.late.Receipts[0]
	late.CreditedAt = d.clock.now()
	d.trading.completes(&d.late, late, latePhone)
	if err := d.trading.carryOut(ctx); err != nil {
		return err
	}
	after, err := d.balances(ctx, eventstore.Position(d.closed))
	if err != nil {
		return err
	}
	d.say("On %s Safaricom sends what it should have sent on %s: %s were paid to the second shop.", d.clock.now().In(d.zone).Format("2 January"),
		late.PaidAt.In(d.zone).Format("2 January"), sum(late.Amount.Minor))
	var diff struct {
		Total int `json:"total"`
		Data  []struct {
			Account   string      `json:"account"`
			Reference string      `json:"reference"`
			Debit     json.Number `json:"debit"`
			Credit    json.Number `json:"credit"`
			Effective string      `json:"effective_at"`
			Period    string      `json:"period"`
			LateFor   string      `json:"late_for"`
		} `json:"data"`
		Totals []struct {
			Difference json.Number `json:"difference"`
		} `json:"totals"`
	}
	if err := d.ask(ctx, http.MethodGet, "/api/ledger/diff?period="+d.monthOf().String(), "", &diff); err != nil {
		return err
	}
	d.say("What changed in %s since it was closed (GET /api/ledger/diff?period=%s):", d.monthOf(), d.monthOf())
	d.gap()
	widths := []int{-22, 14, 14, -12, -12, -10}
	d.row(widths, "account", "debit", "credit", "happened", "belongs to", "booked in")
	ok := diff.Total == len(diff.Data) && len(diff.Data) > 0
	for _, e := range diff.Data {
		d.row(widths, plain(e.Account), figure(minor(e.Debit)), figure(minor(e.Credit)), e.Effective[:10], e.LateFor, e.Period)
		ok = ok && e.Reference == d.late.Reference && e.LateFor == d.monthOf().String() && e.Period == d.monthOf().Next().String()
	}
	d.gap()
	d.check(ok, "It is that payment and nothing else; it belongs to %s and is booked in %s.", d.monthOf(), d.monthOf().Next())
	d.check(len(diff.Totals) == 1 && minor(diff.Totals[0].Difference) == 0, "The change balances by itself.")
	d.check(slices.Equal(before, after), "The closed month is what it was: asked as of its closing, every account answers the same as before.")
	return nil
}

// cause follows a figure of a report to what it is made of.
func (d *monthDemo) cause(ctx context.Context) error {
	rows, totals, err := d.report(ctx, "summary", "&payment_channel_id="+fmt.Sprint(d.channel))
	if err != nil {
		return err
	}
	if len(rows) == 0 {
		d.check(false, "The report has rows.")
		return nil
	}
	best := rows[0]
	var received int64
	for _, row := range rows {
		received += row.money("received")
		if row.money("received") > best.money("received") {
			best = row
		}
	}
	link := best.text("lineage")
	d.say("The best day was %s, with %s received in %v payments. The report's row has a link to them:", best.text("day"), sum(best.money("received")), best["payments"])
	path, _, _ := strings.Cut(link, "?")
	d.line("    GET " + path + "?day=" + best.text("day") + "&…")
	var made, events int64
	facts := 0
	for page := 1; ; page++ {
		raw, err := d.askRaw(ctx, http.MethodGet, link+"&limit=100&page="+strconv.Itoa(page), "")
		if err != nil {
			return err
		}
		var behind struct {
			Total int `json:"total"`
			Data  []struct {
				Reference string                 `json:"reference"`
				EventID   string                 `json:"event_id"`
				History   string                 `json:"history"`
				Status    string                 `json:"status"`
				Values    map[string]json.Number `json:"values"`
			} `json:"data"`
		}
		if err := json.Unmarshal(raw, &behind); err != nil {
			return err
		}
		for _, f := range behind.Data {
			facts++
			made += minor(f.Values["received"])
			if f.EventID != "" && f.History != "" {
				events++
			}
			if d.showcase == "" && f.Status == string(transaction.StatusCompleted) {
				d.showcase = f.Reference
			}
		}
		if len(behind.Data) == 0 || facts >= behind.Total {
			break
		}
	}
	history, err := d.askRaw(ctx, http.MethodGet, "/api/transactions/"+d.showcase+"/history", "")
	if err != nil {
		return err
	}
	d.say("The first of them is %s; its history has the provider's own words and the entries that they led to.", d.showcase)
	format := "pdf"
	if facts > printedPayments {
		format = "csv"
	}
	if err := d.writeReport(ctx, "merchant_statement", format, "statement-of-the-shop."+format); err != nil {
		return err
	}
	if err := d.writeReport(ctx, "trial_balance", "xlsx", "trial-balance.xlsx"); err != nil {
		return err
	}
	d.gap()
	d.check(made == best.money("received") && fmt.Sprint(best["payments"]) == fmt.Sprint(facts), "The %d payments behind the day's figure add up to it.", facts)
	d.check(events == int64(facts), "Each of them names its event and its history.")
	d.check(received == totals.money("received"), "The month's figure is the sum of its days: %s.", sum(received))
	d.check(bytes.Contains(history, []byte("ReceiptClaimed")) && bytes.Contains(history, []byte("PaymentReceived")), "The history leads from the request to the ledger.")
	return nil
}

// printedPayments is how many payments a day may have whose statement is printed: nobody reads 500 pages.
const printedPayments = 6000

// writeReport writes a report of the month to a file.
func (d *monthDemo) writeReport(ctx context.Context, name, format, file string) error {
	raw, err := d.askRaw(ctx, http.MethodGet, "/api/reports/"+name+"?date_from="+d.day(d.plan.Days-1)+"&date_to="+d.day(d.plan.Days-1)+"&format="+format, "")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(d.dir, file), raw, 0o600)
}

// alteredTries is how many bytes of a receipt are altered, one at a time.
const alteredTries = 200

// prove verifies a receipt, checks the log against the old checkpoint, and tries to cheat.
func (d *monthDemo) prove(ctx context.Context) error {
	if err := d.sign(ctx); err != nil {
		return err
	}
	file, err := d.askRaw(ctx, http.MethodGet, "/api/transactions/"+d.showcase+"/receipt", "")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(d.dir, "receipt.json"), file, 0o600); err != nil {
		return err
	}
	list, err := d.n.proofs.heads.Keys(ctx)
	if err != nil {
		return err
	}
	var names []string
	for _, k := range list {
		names = append(names, k.VerifierKey)
	}
	keys, err := transparency.ParseKeys(names...)
	if err != nil {
		return err
	}
	verdict, verifyErr := transparency.VerifyReceipt(file, transparency.VerifyOptions{Keys: keys})
	d.say("The payer of %s asks for a receipt: %s bytes. Whoever has it and the log's public key verifies it with the network unplugged:", d.showcase, many(len(file)))
	d.line("    kipay receipt verify receipt.json --key '" + strings.Join(names, "' --key '") + "'")
	d.gap()
	d.check(verifyErr == nil && verdict.Status == transparency.Verified, "The receipt is verified: %d events of the payment are in the log, as they were written.", len(verdict.Events))
	tried, refused := 0, 0
	for i := 0; i < alteredTries; i++ {
		at := i * len(file) / alteredTries
		altered := bytes.Clone(file)
		altered[at] ^= 1
		tried++
		if _, err := transparency.VerifyReceipt(altered, transparency.VerifyOptions{Keys: keys}); err != nil {
			refused++
		}
	}
	d.check(refused == tried, "Altered in one place, it is refused: %d of %d tries.", refused, tried)

	args, err := json.Marshal(auditCheckArgs{Since: d.checkpoint, Keys: names})
	if err != nil {
		return err
	}
	found, err := opAuditCheck(ctx, d.n, args, func(any) error { return nil })
	checked, _ := found.(auditChecked)
	if err != nil && !isFinding(err) {
		return err
	}
	d.check(err == nil && checked.Since > 0 && checked.Leaves == checked.Size,
		"The log agrees with the checkpoint of the closing (kipay audit check --since checkpoint.txt): the %s events before it are unaltered and in their places, and so are the %s since.",
		many(int(checked.Since)), many(int(checked.Size-checked.Since)))

	forged := &forgedLog{Store: d.n.store, stream: transaction.Reference(d.showcase).Stream()}
	compared, err := transparency.CompareLog(ctx, forged, d.n.proofs.tree.View(), nil)
	if err != nil {
		return err
	}
	diff := compared.Difference
	d.check(forged.done && diff != nil && diff.Stream == forged.stream, "Somebody who makes that payment ten times as large on the disk is caught: the check names the event that is not the one that was signed.")
	return nil
}

// pack writes the month for an auditor, and checks it as the auditor does.
func (d *monthDemo) pack(ctx context.Context) error {
	if err := d.sign(ctx); err != nil { // looking at histories was recorded too
		return err
	}
	args, err := json.Marshal(auditPackArgs{Merchant: d.merchant, Mode: domain.ModeLive, Month: d.monthOf()})
	if err != nil {
		return err
	}
	name := filepath.Join(d.dir, "audit-pack.zip")
	var packed transparency.Manifest
	err = writeWhole(nil, name, func(w io.Writer) error {
		archive := transparency.NewPackArchive(w)
		out, err := opAuditPack(ctx, d.n, args, func(news any) error {
			piece, _ := news.(auditPackNews)
			return archive.Add(piece.File, piece.Piece)
		})
		if err != nil {
			return err
		}
		packed, _ = out.(transparency.Manifest)
		return archive.Close()
	})
	if err != nil {
		return err
	}
	list, err := d.n.proofs.heads.Keys(ctx)
	if err != nil {
		return err
	}
	var names []string
	for _, k := range list {
		names = append(names, k.VerifierKey)
	}
	keys, err := transparency.ParseKeys(names...)
	if err != nil {
		return err
	}
	d.line("    kipay audit pack --month " + d.monthOf().String() + " -o audit-pack.zip")
	d.say("writes one file for the auditor: %s events with their proofs, %s ledger entries, the trial balance, %d statements with their differences and decisions, and how to check it all without Kipay.",
		many(int(packed.Events)), many(int(packed.Entries)), packed.Imports)
	d.gap()
	verdict, err := verifyPackFile(name, transparency.VerifyOptions{Keys: keys})
	if err != nil && !isFinding(err) {
		return err
	}
	d.check(err == nil && verdict.Closed != nil && verdict.Events > 0, "The pack is verified with nothing but the log's public key: every event is under the signed head, and the entries add up to the trial balance.")
	return nil
}

func isFinding(err error) bool {
	var coded *exitError
	return errors.As(err, &coded) && coded.code == exitFinding
}

// forgedLog is the log with the amount of one payment changed, as if on the disk.
type forgedLog struct {
	eventstore.Store
	stream string
	done   bool
}

// ReadAll reads what the forger wants to be read.
func (f *forgedLog) ReadAll(ctx context.Context, from eventstore.Position, dir eventstore.Direction, limit int) ([]eventstore.Record, error) {
	records, err := f.Store.ReadAll(ctx, from, dir, limit)
	for i := range records {
		if e := &records[i]; e.Stream == f.stream && e.Type == (transaction.PaymentReceived{}).EventType() && !f.done {
			at := bytes.Index(e.Data, []byte(`,"currency":"KES"`))
			if at < 0 {
				continue
			}
			e.Data = slices.Insert(slices.Clone(e.Data), at, '0')
			f.done = true
		}
	}
	return records, err
}
