package projections

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/customer"
	"github.com/benfex/kipay/domain/transaction"
	"github.com/benfex/kipay/projections/projectionstest"
)

// world is what was written, to compare lists with.
type world struct {
	*bench
	zones        map[int64]*time.Location
	transactions []Transaction
}

// newWorld writes payments of three merchants over eleven days around changes of day, in both modes, and lets many of
// them change while the projection follows, so that old versions lie about.
func newWorld(t *testing.T, payments int, seed uint64) *world {
	t.Helper()
	w := &world{bench: newBench(t), zones: map[int64]*time.Location{}}
	random := rand.New(rand.NewPCG(seed, 1))
	t.Logf("seed %d", seed)
	for id, zone := range map[int64]string{1: "Africa/Nairobi", 2: "America/New_York", 3: "Pacific/Auckland"} {
		w.Merchant(t, id, zone)
		location, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		w.zones[id] = location
	}
	run(t, w.projector)
	var refs []transaction.Reference
	merchants := map[transaction.Reference]int64{}
	start := time.Date(2026, 3, 3, 20, 0, 0, 0, time.UTC) // a change to daylight saving time lies in these days
	for n := range payments {
		w.Set(start.Add(time.Duration(n) * 11 * 24 * time.Hour / time.Duration(payments)))
		p := projectionstest.Payment{Merchant: 1 + random.Int64N(3), Origin: transaction.FromPush}
		if random.IntN(4) == 0 {
			p.Mode = domain.ModeLive
		}
		var ref transaction.Reference
		switch random.IntN(8) {
		case 0:
			receipt := "QC2B" + strings.ToUpper(newID().String()[:6])
			ref, _ = w.C2B(t, p.Merchant, receipt, 100_00)
			if random.IntN(2) == 0 && len(refs) > 0 {
				w.Merge(t, p.Merchant, ref, refs[0], receipt)
			}
		case 1:
			p.Origin = transaction.FromCheckout
			fallthrough
		default:
			ref, _ = w.Open(t, p)
		}
		refs = append(refs, ref)
		merchants[ref] = p.Merchant
		if old := refs[random.IntN(len(refs))]; strings.HasPrefix(string(old), "MPESA") {
			w.change(t, merchants[old], old, random.IntN(4))
		}
	}
	caughtUp(t, w.projector, w.Head(t))
	for _, ref := range refs {
		w.transactions = append(w.transactions, fromLog(t, w.Install, ref))
	}
	return w
}

func (w *world) change(t *testing.T, merchantID int64, ref transaction.Reference, how int) {
	t.Helper()
	if row := fromLog(t, w.Install, ref); row.Pushes == 0 || row.MergedInto != "" {
		return
	}
	switch how {
	case 0:
		w.Fail(t, merchantID, ref)
	case 1, 2:
		w.Pay(t, merchantID, ref, 1000_00)
	case 3:
		w.Pay(t, merchantID, ref, 10_00)
	}
}

// listed is the answer that a list should give, by looking at everything.
func (w *world) listed(f TransactionFilter) TransactionPage {
	var all []Transaction
	for _, t := range w.transactions {
		day := DayOf(t.CreatedAt, f.Zone)
		if t.MerchantID == f.MerchantID && t.Mode == f.Mode && t.Listed && (f.Status == "" || t.Status == f.Status) &&
			(f.From == nil || day >= *f.From) && (f.To == nil || day <= *f.To) {
			all = append(all, inList(t))
		}
	}
	slices.SortFunc(all, func(a, b Transaction) int {
		if !a.CreatedAt.Equal(b.CreatedAt) {
			return b.CreatedAt.Compare(a.CreatedAt)
		}
		return int(b.ID - a.ID)
	})
	return TransactionPage{Rows: cut(all, f.Offset, f.Limit), Total: uint64(len(all))}
}

func TestListsAreWhatLookingAtEverythingGives(t *testing.T) {
	w := newWorld(t, 900, rand.Uint64())
	first := DayOf(time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC), time.UTC)
	rapid.Check(t, func(r *rapid.T) {
		day := rapid.Ptr(rapid.Int64Range(first, first+14), true)
		f := TransactionFilter{
			MerchantID: rapid.Int64Range(1, 4).Draw(r, "merchant"),
			Mode:       rapid.SampledFrom([]domain.Mode{"test", "live"}).Draw(r, "mode"),
			Status:     rapid.SampledFrom([]transaction.Status{"", "pending", "completed", "failed"}).Draw(r, "status"),
			From:       day.Draw(r, "from"), To: day.Draw(r, "to"),
			Offset: rapid.Uint64Range(0, 260).Draw(r, "offset"), Limit: rapid.Uint64Range(1, 100).Draw(r, "limit"),
		}
		f.Zone = w.zones[f.MerchantID]
		if f.Zone == nil {
			f.Zone = time.UTC
		}
		got, err := w.reader.Transactions(t.Context(), f)
		if err != nil {
			r.Fatal(err)
		}
		want := w.listed(f)
		if got.Total != want.Total || len(got.Rows) != len(want.Rows) {
			r.Fatalf("%d of %d, want %d of %d", len(got.Rows), got.Total, len(want.Rows), want.Total)
		}
		for i := range want.Rows {
			if diff := cmp.Diff(want.Rows[i], got.Rows[i]); diff != "" {
				r.Fatalf("row %d (-want +got):\n%s", i, diff)
			}
		}
	})
	verified(t, w.projector)
}

func TestDeepPagesReachTheLastTransaction(t *testing.T) {
	w := newWorld(t, 900, 7)
	for _, status := range []transaction.Status{"", "completed", "pending", "failed"} {
		f := TransactionFilter{MerchantID: 1, Mode: "test", Status: status, Zone: w.zones[1], Limit: 20}
		seen := map[string]bool{}
		for ; ; f.Offset += f.Limit {
			page, err := w.reader.Transactions(t.Context(), f)
			if err != nil {
				t.Fatal(err)
			}
			for _, row := range page.Rows {
				if seen[row.Reference] {
					t.Errorf("%q: %s is on two pages", status, row.Reference)
				}
				seen[row.Reference] = true
			}
			if f.Offset >= page.Total {
				if uint64(len(seen)) != page.Total {
					t.Errorf("%q: all pages have %d, total %d", status, len(seen), page.Total)
				}
				break
			}
		}
	}
}

func TestSearchFindsAnyPartInAnyCaseAndNothingElse(t *testing.T) {
	b := newBench(t)
	run(t, b.projector)
	b.Merchant(t, 1, "")
	people := []customer.Person{
		{Email: "jane.wanjiku@example.com", FirstName: "Jane", LastName: "Wanjiku", Phone: "+254711000001"},
		{Email: "JOHN@EXAMPLE.COM", FirstName: "Jöhn", LastName: "O'Brien", Phone: "0722 000 002"},
		{Email: "percent@example.com", FirstName: "100%", LastName: "under_score"},
		{Email: "slash@example.com", FirstName: `back\slash`, LastName: `"quoted" {name:String}`},
		{Email: "sql@example.com", FirstName: "'; DROP TABLE kipay.customers_g1; --", LastName: "\x00nul\ttab"},
	}
	for _, p := range people {
		b.Customer(t, 1, p)
		b.Customer(t, 2, p)
	}
	b.Customer(t, 1, customer.Person{Email: "jane.wanjiku@example.com", LastName: "Kamau"}) // she married
	caughtUp(t, b.projector, b.Head(t))
	for search, want := range map[string]int{
		"": 5, "JANE": 1, "wanjiku": 1, "Wanjiku": 1, "kamau": 1, "jane kamau": 1, "jane wanjiku": 0, "JÖHN": 1, "o'brien": 1, "'": 2,
		"example.com": 5, "EXAMPLE": 5, "254711": 1, "000": 2, "%": 1, "_": 2, "100%": 1, "1_0": 0, `\`: 1, `"`: 1, "{name:String}": 1,
		"'; drop table": 1, "--": 1, "\x00": 1, "\t": 1, "' OR 1=1": 0, "') OR ('1'='1": 0, "?": 0, "$1": 0, "@name": 0, "nobody": 0,
	} {
		page, err := b.reader.Customers(t.Context(), CustomerFilter{MerchantID: 1, Search: search, Limit: 100})
		if err != nil {
			t.Errorf("%q: %v", search, err)
			continue
		}
		if len(page.Rows) != want || page.Total != uint64(want) {
			t.Errorf("%q finds %d of %d, want %d", search, len(page.Rows), page.Total, want)
		}
		for _, row := range page.Rows {
			if row.MerchantID != 1 {
				t.Errorf("%q finds a customer of merchant %d", search, row.MerchantID)
			}
		}
	}
	page, err := b.reader.Customers(t.Context(), CustomerFilter{MerchantID: 1, Offset: 1, Limit: 2})
	if err != nil {
		t.Fatal(err)
	}
	if len(page.Rows) != 2 || page.Rows[0].Email != "slash@example.com" || page.Rows[1].Email != "percent@example.com" {
		t.Errorf("the second to third newest are %+v", page.Rows)
	}
	last, err := b.reader.Customers(t.Context(), CustomerFilter{MerchantID: 1, Offset: 4, Limit: 2})
	if err != nil {
		t.Fatal(err)
	}
	if len(last.Rows) != 1 || last.Rows[0].LastName != "Kamau" || last.Rows[0].Phone != "+254711000001" {
		t.Errorf("the oldest is %+v", last.Rows)
	}
}
