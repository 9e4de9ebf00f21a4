package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"github.com/benfex/kipay/cmd/kipay/internal/web"
	"github.com/benfex/kipay/commands"
	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/fee"
	"github.com/benfex/kipay/domain/merchant"
	"github.com/benfex/kipay/domain/period"
	r "github.com/benfex/kipay/domain/reconciliation"
	"github.com/benfex/kipay/domain/reconciliation/faults"
)

func demoCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "demo", Short: "Show what Kipay does, with an invented business"}
	cmd.AddCommand(demoMonthCommand())
	return cmd
}

// demoSize is what a demonstration is made of.
type demoSize struct {
	seed     uint64
	payments int
	dir      string
}

// Bounds of a demonstration.
const (
	usualPayments = 5000
	leastPayments = 100
	mostPayments  = 1_000_000
)

func demoMonthCommand() *cobra.Command {
	var size demoSize
	cmd := &cobra.Command{
		Use:   "month",
		Short: "A month of business with all faults: reconciled, closed, audited, proofs checked",
		Long: `Make a month of invented business in a new folder, with every fault that payments have, in known numbers, and close its books:
import M-Pesa's statement, find and explain each difference, decide what only a person can, prove the balance, find the payouts on the
bank's statement, close the month, show what became known later, and verify that nothing was changed. Everything goes through what serves real payments; no provider and
no network is asked. The same seed makes the same month. docs/finance.md walks through the same steps.

Exit status: 0 when every statement that it makes about the month is true, 3 when one is not.`,
		Example: "  kipay demo month\n  kipay demo month --seed 7 --payments 100000\n  kipay demo month --dir november   # keep the folder, and look around in it",
		Args:    cobra.NoArgs,
		RunE: verb(func(cmd *cobra.Command, _ []string) error {
			if size.payments < leastPayments || size.payments > mostPayments {
				return &exitError{exitUsage, fmt.Errorf("--payments must be from %d to %d", leastPayments, mostPayments)}
			}
			return runDemoMonth(cmd, size)
		}),
	}
	cmd.Flags().Uint64Var(&size.seed, "seed", 1, "which month: the same seed makes the same one")
	cmd.Flags().IntVar(&size.payments, "payments", usualPayments, "about how many payments it has")
	cmd.Flags().StringVar(&size.dir, "dir", "", "folder to make and to keep; a temporary one when absent, which is removed")
	return cmd
}

// demoClock is the demonstration's own time, which only goes forward.
type demoClock struct{ nanos atomic.Int64 }

func (c *demoClock) now() time.Time { return time.Unix(0, c.nanos.Load()).UTC() }

func (c *demoClock) to(t time.Time) { c.nanos.Store(max(c.nanos.Load(), t.UnixNano())) }

// monthDemo is a demonstration under way.
type monthDemo struct {
	*tale
	n       *node
	server  *web.Server
	clock   *demoClock
	zone    *time.Location
	dir     string
	plan    faults.Plan
	month   faults.Month
	trading *trade

	payouts              []*demoPayout
	treasurer            string // the key of the second person
	merchant             int64
	key, keyID           string
	channel, other, card int64
	late                 r.Payment
	imported             commands.ImportView
	closed               uint64 // the position at which the month was closed
	checkpoint           string // of the moment when it was
	showcase             string // the payment whose receipt is shown
}

func (d *monthDemo) until() time.Time { return d.plan.From.AddDate(0, 0, d.plan.Days) }

func (d *monthDemo) monthOf() period.Month { return period.MonthOf(d.plan.From, d.zone) }

// faultShare is of how many payments there is one of each fault.
const faultShare = 800

// shortCode is the shop's paybill.
const shortCode = "600000"

func runDemoMonth(cmd *cobra.Command, size demoSize) (err error) {
	dir := size.dir
	if dir == "" {
		if dir, err = os.MkdirTemp("", "kipay-demo-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	} else if err := os.Mkdir(dir, 0o700); err != nil {
		return &exitError{exitUsage, fmt.Errorf("--dir: %w", err)}
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return err
	}
	zone, err := time.LoadLocation(merchant.DefaultTimeZone)
	if err != nil {
		return err
	}
	each := max(1, size.payments/faultShare)
	plan := faults.Usual(size.seed, 0, each)
	// Whether another channel's statement shows a payment, that statement's import tells; the second shop's is not imported.
	plan.Counts[faults.OnOtherStatement] = 0
	plan.Clean = max(1, size.payments-each*len(faults.All()))
	payouts := plannedPayouts(plan.From)
	for _, p := range payouts {
		plan.Payouts = append(plan.Payouts, p.Payout)
	}
	d := &monthDemo{tale: newTale(cmd.OutOrStdout()), clock: &demoClock{}, zone: zone, dir: dir, plan: plan, month: faults.Make(plan), payouts: payouts}
	d.clock.to(plan.From.AddDate(0, 0, -21))
	cfg, err := demoConfig(cmd, dir, d.clock)
	if err != nil {
		return err
	}
	started := time.Now()
	if err := d.run(cmd.Context(), cfg, cmd.ErrOrStderr(), func(ctx context.Context) error { return d.tell(ctx, started) }); err != nil {
		return err
	}
	if size.dir != "" {
		d.gap()
		d.say("The folder stays. Look around with:")
		d.line("    kipay reconcile status 1 --data-dir " + filepath.Join(size.dir, "data"))
		d.line("    kipay report summary --from 2025-11-01 --to 2025-11-30 --format csv --data-dir " + filepath.Join(size.dir, "data"))
	}
	if d.refuted > 0 {
		return &exitError{exitFinding, fmt.Errorf("%d of %d statements are not true", d.refuted, d.checks)}
	}
	return nil
}

// demoConfig is the usual configuration with a folder, a clock and a disk of the demonstration's own.
func demoConfig(cmd *cobra.Command, dir string, clock *demoClock) (*config, error) {
	var env []string
	for _, e := range environ() {
		if strings.HasPrefix(e, "KIPAY_CHDB_LIB=") {
			env = append(env, e) // the one that says something about the machine
		}
	}
	cfg, err := readConfig(cmd, env, func(string) {})
	if err != nil {
		return nil, err
	}
	cfg.DataDir, cfg.ProofsOrigin = filepath.Join(dir, "data"), "duka.example/kipay"
	cfg.clock, cfg.disk = clock.now, carelessDisk{vfs.Default}
	cfg.RateLimit = "1000000-S" // its clock stands still while it looks at page after page
	return cfg, nil
}

// run opens everything that a server has, but listens nowhere.
func (d *monthDemo) run(ctx context.Context, cfg *config, complaints io.Writer, fn func(ctx context.Context) error) (err error) {
	log := newLogger(zerolog.ErrorLevel, complaints)
	n, err := openNode(ctx, cfg, log)
	if err != nil {
		return err
	}
	d.n = n
	defer func() { err = errors.Join(err, n.close()) }()
	if err := n.openReadSide(ctx, nil); err != nil {
		return err
	}
	defer n.reads.close() //nolint:contextcheck // it ends after ctx does
	ready, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if err := n.reads.waitReady(ready); err != nil {
		return fmt.Errorf("the read models did not start: %w", err)
	}
	if err := n.openProofs(); err != nil {
		return err
	}
	defer n.proofs.close()
	var stop func()
	if d.server, stop, err = n.newServer(nil); err != nil {
		return err
	}
	defer stop()

	ctx, cancel = context.WithCancel(ctx)
	followed := make(chan struct{})
	go func() { defer close(followed); n.followLog(ctx) }()
	proved := make(chan error, 1)
	go func() { proved <- n.proofs.follower.Run(ctx) }()
	stopProjecting := n.projectMeanwhile(ctx)
	defer func() {
		cancel()
		stopProjecting()
		<-followed
		if proofErr := <-proved; !errors.Is(proofErr, context.Canceled) {
			err = errors.Join(err, proofErr)
		}
	}()
	return fn(ctx)
}

// tell is the month from its opening to its end.
func (d *monthDemo) tell(ctx context.Context, started time.Time) error {
	d.line(d.paint(bold, "A month of business at Duka Letu, "+d.plan.From.In(d.zone).Format("January 2006")))
	d.gap()
	d.say("An invented shop takes payments with M-Pesa and by card. Its payments are made here with every fault that payments have, and "+
		"go through what serves real ones. Then its books are closed as docs/finance.md says. Seed %d.", d.plan.Seed)
	for _, chapter := range []struct {
		title string
		tell  func(ctx context.Context) error
	}{
		{"The shop opens", d.open},
		{"The month", d.trade},
		{"Where the money is", d.whereMoneyIs},
		{"M-Pesa's statement", d.statement},
		{"Why they differ", d.differences},
		{"The proof of the balance", d.balance},
		{"What a person decides", d.decide},
		{"Refunds and a dispute", d.wentBack},
		{"Payouts, and the bank's statement", d.paidOut},
		{"The trial balance", d.trialBalance},
		{"The month is closed", d.close},
		{"What became known afterwards", d.afterwards},
		{"A figure and what it is made of", d.cause},
		{"Proofs", d.prove},
		{"For the auditor", d.pack},
	} {
		d.chapter(chapter.title)
		if err := chapter.tell(ctx); err != nil {
			return fmt.Errorf("%s: %w", chapter.title, err)
		}
	}
	d.gap()
	d.line(d.paint(bold, strings.Repeat("─", pageWidth)))
	verdict := fmt.Sprintf("All %d statements are true.", d.checks)
	if d.refuted > 0 {
		verdict = fmt.Sprintf("%d of %d statements are NOT true.", d.refuted, d.checks)
	}
	d.line(d.paint(bold, verdict) + " It took " + time.Since(started).Round(100*time.Millisecond).String() + ".")
	return nil
}

// open makes the shop, its channels and its fees.
func (d *monthDemo) open(ctx context.Context) error {
	id, keys, err := d.n.write.CreateMerchant(ctx, commands.NewMerchant{Name: "Duka Letu", Email: "accounts@duka.example", Live: true})
	if err != nil {
		return err
	}
	d.merchant = id
	for _, k := range keys {
		if k.Mode == domain.ModeLive {
			d.key, d.keyID = k.Key, k.ID
		}
	}
	mpesa := `{"name":%q,"provider":"mpesa","config":{"environment":"production","consumer_key":"demo","consumer_secret":"demo","shortcode":%q,"passkey":"demo",` +
		`"initiator_name":"demo","security_credential":"demo"}}`
	for _, ch := range []string{
		fmt.Sprintf(mpesa, "Paybill of the shop", shortCode), fmt.Sprintf(mpesa, "Paybill of the second shop", "600001"),
		`{"name":"Cards","provider":"paystack","config":{"public_key":"pk_live_` + demoSecret + `","secret_key":"sk_live_` + demoSecret + `"}}`,
	} {
		if err := d.n.write.CreateChannelFor(ctx, id, []byte(ch)); err != nil {
			return err
		}
	}
	m, err := commands.Fold[merchant.State](ctx, d.n.write, merchant.Stream(id))
	if err != nil {
		return err
	}
	if len(m.State.Channels) != 3 {
		return fmt.Errorf("%d channels, not 3", len(m.State.Channels))
	}
	d.channel, d.other, d.card = m.State.Channels[0], m.State.Channels[1], m.State.Channels[2]
	if d.channel != d.plan.Channel || d.other != d.plan.Other {
		return fmt.Errorf("the channels are %v", m.State.Channels)
	}
	own := fee.Rule{Parts: 5000, Min: 100, Max: 100_00, TaxParts: 160_000}
	for _, ch := range m.State.Channels {
		if _, err := d.n.write.SetChannelFees(ctx, ch, fee.Rule{}, own); err != nil {
			return err
		}
	}
	if err := d.appointTreasurer(ctx); err != nil {
		return err
	}
	d.say("Paybill %s of the shop, paybill 600001 of its second shop, and cards through Paystack. Each payment costs the shop 0.5 %%, "+
		"1 to 100 shillings, and 16 %% VAT on that.", shortCode)
	d.say("%s stand on the paybill from October. Up to %s one person may have money paid out; above that a second one has to agree, with a key that is for nothing else.",
		sum(d.plan.Opening.Minor), sum(payoutLimit))
	return nil
}

// demoSecret signs what the demonstration's card provider says.
const demoSecret = "duka0000000000000000000000"
