package readapi

import (
	"context"
	"errors"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/domain/reconciliation/journal"
	"github.com/benfex/kipay/eventstore"
	"github.com/benfex/kipay/eventstore/transparency"
)

// packedImport is an import as it stood where the month's books end, and who decided what about its differences.
type packedImport struct {
	journal.State
	decided map[int]decision
}

type decision struct {
	by string
	at time.Time
}

// errPast ends the reading of a stream.
var errPast = errors.New("past the end of the month's books")

// importAt folds an import from its events, which are in the pack. What is sealed in them stays out of its files.
func (p *auditPack) importAt(ctx context.Context, id int64) (packedImport, error) {
	i := packedImport{decided: map[int]decision{}}
	err := p.Log.EachInStream(ctx, journal.Stream(id), 0, func(e eventstore.Envelope) error {
		if e.Position > p.AsOf {
			return errPast
		}
		i.State = i.Evolve(e.Event)
		if r, ok := e.Event.(journal.Resolved); ok {
			for _, one := range r.Resolutions {
				i.decided[one.N] = decision{e.Meta.Actor, r.At}
			}
		}
		return nil
	})
	if err != nil && !errors.Is(err, errPast) {
		return i, logAway(err)
	}
	return i, nil
}

// keepImports keeps those of the imports that had come where the month's books end.
func (p *auditPack) keepImports(ctx context.Context, ids []int64) error {
	for _, id := range ids {
		i, err := p.importAt(ctx, id)
		if err != nil {
			return err
		}
		if i.Exists() {
			p.ids = append(p.ids, id)
			p.Streams = append(p.Streams, journal.Stream(id))
		}
	}
	return nil
}

func (p *auditPack) writeImports(ctx context.Context, w io.Writer) error {
	out, err := packTable(w, transparency.ImportsHeader)
	if err != nil {
		return err
	}
	for _, id := range p.ids {
		i, err := p.importAt(ctx, id)
		if err != nil {
			return err
		}
		var done journal.Reconciled
		var refused journal.Refused
		if i.Reconciled != nil {
			done = *i.Reconciled
		}
		if i.Refusal != nil {
			refused = *i.Refusal
		}
		finished := done.At
		if finished.IsZero() {
			finished = refused.At
		}
		amount := func(m money.Money) string { return transparency.PackAmount(m.Minor, done.Currency) }
		p.imports++
		if err := line(out, strconv.FormatInt(id, 10), string(i.Source), strconv.FormatInt(i.Channel, 10), string(i.Status()), i.SHA256,
			packTime(i.Begun.At), packTime(finished), packTime(done.From), packTime(done.Until), string(done.Currency),
			strconv.Itoa(done.Lines), strconv.Itoa(done.Matched), amount(done.Statement), amount(done.Booked), amount(done.Difference),
			amount(done.Explained), amount(done.Unexplained), strconv.Itoa(done.Differences), strconv.FormatBool(done.Proof.Ties),
			strconv.FormatBool(done.Proof.Proven), refused.Reason); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

func (p *auditPack) writeDifferences(ctx context.Context, w io.Writer) error {
	out, err := packTable(w, transparency.DifferencesHeader)
	if err != nil {
		return err
	}
	for _, id := range p.ids {
		i, err := p.importAt(ctx, id)
		if err != nil {
			return err
		}
		items := i.Items()
		for n := range items {
			d := &items[n]
			amount := func(m money.Money) string { return transparency.PackAmount(m.Minor, d.Amount.Currency) }
			who := i.decided[d.N]
			p.differences++
			if err := line(out, strconv.FormatInt(id, 10), strconv.Itoa(d.N), strconv.FormatInt(journal.ItemID(id, d.N), 10), string(d.Cause),
				string(d.Rule), string(d.State), strconv.Itoa(d.Line), d.Receipt, string(d.Entry), d.Reference, strings.Join(d.References, " "),
				strings.Join(d.Events, " "), string(d.Amount.Currency), amount(d.Amount), amount(d.Stated), amount(d.Booked), packTime(d.At), d.Text,
				string(d.Action), d.ResolvedTo, who.by, packTime(who.at)); err != nil {
				return err
			}
		}
	}
	out.Flush()
	return out.Error()
}
